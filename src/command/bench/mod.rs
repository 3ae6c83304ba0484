//! `dure bench`: the project's own benchmarks, with the machine's limit or a peer measured beside each in the same run.

mod catalogue;
mod check_ubl;
mod edifact_to_ubl;
mod load;
mod receipts;
mod receipts_postgres;
mod setting;
mod whole_way;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::call::Call;
use super::out::Outcome;
use crate::clock::Stopwatch;
use crate::error::{Error, Result};

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Its name, once in a list.
    pub name: String,
    /// What was measured.
    pub value: f64,
    /// In what.
    pub unit: &'static str,
    /// What it is compared with.
    pub against: Option<String>,
    /// What that measured in the same run.
    pub against_value: Option<f64>,
    /// value / against_value; null on a disturbed machine.
    pub ratio: Option<f64>,
}

impl Figure {
    /// A figure by itself.
    fn alone(name: &str, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.to_owned(), value, unit, against: None, against_value: None, ratio: None }
    }

    /// A figure beside another of the same run.
    #[expect(clippy::float_arithmetic, reason = "a measurement, not a quantity")]
    fn beside(name: &str, value: f64, unit: &'static str, against: &str, against_value: f64) -> Figure {
        let ratio = (against_value > 0.0).then(|| value / against_value);
        Figure {
            against: Some(against.to_owned()),
            against_value: Some(against_value),
            ratio,
            ..Figure::alone(name, value, unit)
        }
    }
}

/// The project's own benchmarks, each beside the machine's limit or a peer of the same run
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  dure bench                    all of them, some minutes\n  \
    dure bench receipts whole_way\n  DURE_STANDARDS=… dure bench check_ubl --json\n\n\
    A ratio is given only while other programs leave the processors alone. Databases go to --folder: choose the disk\n\
    that is meant. docs/performance.md says how to read the figures.")]
pub struct Bench {
    /// Which; all if none is named
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(names()))]
    names: Vec<String>,
    /// Rounds of each; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Folder of the fresh databases [default: the temporary folder]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Server for receipts_postgres, where databases may be made: postgresql://…
    #[arg(long, env = "DURE_TEST_POSTGRES", hide_env_values = true)]
    postgres: Option<String>,
    /// Folder of official schemas for check_ubl
    #[arg(long, env = "DURE_STANDARDS")]
    standards: Option<PathBuf>,
}

impl Bench {
    /// Measures and prints.
    pub fn run(self, call: &Call) -> Result<Outcome> {
        let options = Options {
            rounds: usize::from(self.rounds),
            folder: self.folder.unwrap_or_else(std::env::temp_dir),
            postgres: self.postgres,
            standards: self.standards,
        };
        let figures = run(&self.names, &options, &mut |line| call.out.remark(line))?;
        if call.out.json {
            call.out.json(&figures)?;
        } else {
            let shown = |value: f64| if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
            let rows: Vec<[String; 5]> = figures
                .iter()
                .map(|figure| {
                    [
                        figure.name.clone(),
                        shown(figure.value),
                        figure.unit.to_owned(),
                        figure.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
                        match (&figure.against, figure.against_value) {
                            (Some(against), Some(value)) => format!("{} {against}", shown(value)),
                            _ => String::new(),
                        },
                    ]
                })
                .collect();
            call.out.table(["name", "value", "unit", "ratio", "against"], &rows)?;
        }
        Ok(Outcome::Good)
    }
}

/// How a run is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds; the median counts.
    pub rounds: usize,
    /// Where fresh databases go: a folder on the disk that is meant.
    pub folder: PathBuf,
    /// PostgreSQL server for `receipts_postgres`.
    pub postgres: Option<String>,
    /// Official schemas for `check_ubl`.
    pub standards: Option<PathBuf>,
}

/// What measures.
type Measure = fn(&Options) -> Result<Vec<Figure>>;

/// Every benchmark, by name.
const BENCHES: &[(&str, Measure)] = &[
    ("receipts", receipts::fresh),
    ("receipts_600k", receipts::grown),
    ("receipts_workers", receipts::with_workers),
    ("receipts_postgres", receipts_postgres::run),
    ("whole_way", whole_way::run),
    ("catalogue", catalogue::run),
    ("check_ubl", check_ubl::run),
    ("edifact_to_ubl", edifact_to_ubl::run),
];

/// The names.
pub fn names() -> impl Iterator<Item = &'static str> {
    BENCHES.iter().map(|(name, _)| *name)
}

/// Runs benchmarks by name, all if none is named; `tell` gets a line for each that cannot run.
pub fn run(wanted: &[String], options: &Options, tell: &mut dyn FnMut(&str)) -> Result<Vec<Figure>> {
    if let Some(unknown) = wanted.iter().find(|name| !names().any(|known| known == name.as_str())) {
        let known: Vec<_> = names().collect();
        return Err(Error::config(format!("there is no benchmark {unknown}; there are {}", known.join(", "))));
    }
    let mut figures = Vec::new();
    for (name, measure) in BENCHES {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        let busy = busy_percent()?;
        match measure(options) {
            Ok(found) => figures.extend(found.into_iter().map(|mut figure| {
                if busy > DISTURBED_PERCENT {
                    tell(&format!(
                        "{}: other programs take {busy} % of the processors; no ratio is given",
                        figure.name
                    ));
                    figure.ratio = None;
                }
                figure
            })),
            Err(error) => tell(&format!("{name} is left out: {error}")),
        }
    }
    Ok(figures)
}

/// Above that share of the processors taken by others a ratio means nothing.
const DISTURBED_PERCENT: u64 = 15;

/// The share of all processors that is busy while we do nothing, over half a second.
fn busy_percent() -> Result<u64> {
    let before = ticks()?;
    let watch = Stopwatch::start();
    while watch.elapsed_us() < 500_000 {
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
    let after = ticks()?;
    let (busy, all) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
    Ok(busy * 100 / all.max(1))
}

/// Busy and all ticks of the processors since start-up (proc(5), /proc/stat).
fn ticks() -> Result<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().unwrap_or("");
    let numbers: Vec<u64> = line.split_whitespace().skip(1).filter_map(|number| number.parse().ok()).collect();
    let all: u64 = numbers.iter().take(8).sum();
    let idle: u64 = numbers.iter().skip(3).take(2).sum();
    Ok((all.saturating_sub(idle), all))
}

/// The middle one of several.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// So many a second.
#[expect(clippy::float_arithmetic, reason = "a measurement, not a quantity")]
fn per_second(count: u64, elapsed_us: u64) -> f64 {
    count as f64 * 1_000_000.0 / elapsed_us.max(1) as f64
}

/// Microseconds of processor time this process has used, user and system (proc(5), /proc/self/stat; 100 ticks a second).
fn own_cpu_us() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(") ").next().unwrap_or("");
    let fields: Vec<&str> = after.split(' ').collect();
    let tick = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (tick(11) + tick(12)) * 10_000
}

/// A runtime like that of `dure serve`.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// A folder that is removed when it is dropped.
fn fresh_folder(options: &Options) -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("dure-bench-").tempdir_in(&options.folder)?)
}

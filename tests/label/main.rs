//! Labels read by a real reader: bars as our picture draws them, rendered and decoded by zbarimg (Debian: zbar-tools).

#![allow(clippy::unwrap_used, reason = "a test that panics says so")]

use std::process::Command;

use dure::format::code128::Bars;

/// The path of the picture as a grey map, three dots a module; what the printer does.
fn picture(bars: &Bars) -> Vec<u8> {
    let (scale, height) = (3_usize, 120_usize);
    let width = usize::try_from(bars.width()).unwrap() * scale;
    let mut row = vec![255_u8; width];
    for bar in bars.path(40).split('M').skip(1) {
        let (at, rest) = bar.split_once(" 0h").unwrap();
        let (wide, rest) = rest.split_once("v40h-").unwrap();
        assert_eq!(rest, format!("{wide}z"));
        let (at, wide): (usize, usize) = (at.parse().unwrap(), wide.parse().unwrap());
        row.get_mut(at * scale..(at + wide) * scale).unwrap().fill(0);
    }
    let mut bytes = format!("P5\n{width} {height}\n255\n").into_bytes();
    (0..height).for_each(|_| bytes.extend(&row));
    bytes
}

fn decoded(bars: &Bars) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("label.pgm");
    std::fs::write(&file, picture(bars)).unwrap();
    let output = Command::new("zbarimg").args(["--quiet", "-Sdisable", "-Scode128.enable"]).arg(&file).output();
    let output = output.expect("zbarimg is missing: install zbar-tools");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn waybill_numbers() {
    for text in [
        "681234560016",
        "5712-0034-1178",
        "1Z999AA10123456784",
        "RR123456785KR",
        "12345",
        "A1",
        "x~!\"{}|",
        "0",
        "99999",
    ] {
        assert_eq!(decoded(&Bars::of(text).unwrap()), format!("CODE-128:{text}"), "{text}");
    }
}

#[test]
fn shipping_containers() {
    let bars = Bars::of_sscc("376104250021234569").unwrap();
    assert_eq!(decoded(&bars), "CODE-128:00376104250021234569");
}

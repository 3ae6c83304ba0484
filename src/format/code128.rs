//! Code 128 (ISO/IEC 15417) and GS1-128 (GS1 General Specifications 5.4): a text as bars. Code sets B and C, printable ASCII; no
//! code set A, no FNC2 to FNC4.

/// Widths of bars and spaces in turn of each symbol value; the last one is the stop.
const WIDTHS: [&str; 107] = [
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213", "221312",
    "231212", "112232", "122132", "122231", "113222", "123122", "123221", "223211", "221132", "221231", "213212",
    "223112", "312131", "311222", "321122", "321221", "312212", "322112", "322211", "212123", "212321", "232121",
    "111323", "131123", "131321", "112313", "132113", "132311", "211313", "231113", "231311", "112133", "112331",
    "132131", "113123", "113321", "133121", "313121", "211331", "231131", "213113", "213311", "213131", "311123",
    "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111", "111224", "111422", "121124",
    "121421", "141122", "141221", "112214", "112412", "122114", "122411", "142112", "142211", "241211", "221114",
    "413111", "241112", "134111", "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112",
    "421211", "212141", "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311",
    "113141", "114131", "311141", "411131", "211412", "211214", "211232", "2331112",
];

const CODE_C: u8 = 99;
const CODE_B: u8 = 100;
const FNC1: u8 = 102;
const START_B: u8 = 104;
const START_C: u8 = 105;
const STOP: u8 = 106;

/// Longest text, characters; a longer one fits no label.
const LONGEST: usize = 60;
/// Empty modules on both sides (ISO/IEC 15417 4.6).
const QUIET: u32 = 10;

/// A symbol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bars {
    values: Vec<u8>,
}

impl Bars {
    /// Of a text; none if it is empty, too long or has characters that are not printable ASCII.
    pub fn of(text: &str) -> Option<Bars> {
        let good = !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|byte| (32..127).contains(&byte));
        good.then(|| Bars::close(values(text.as_bytes())))
    }

    /// Of a serial shipping container code as GS1-128 with application identifier 00; none if it is no right one.
    pub fn of_sscc(sscc: &str) -> Option<Bars> {
        if sscc.len() != 18 || !sscc.bytes().all(|byte| byte.is_ascii_digit()) || !has_check_digit(sscc) {
            return None;
        }
        let mut values = vec![START_C, FNC1, 0];
        values.extend(sscc.as_bytes().chunks_exact(2).map(pair));
        Some(Bars::close(values))
    }

    /// With check character and stop.
    fn close(mut values: Vec<u8>) -> Bars {
        let sum = values.iter().enumerate().map(|(place, value)| place.max(1) * usize::from(*value)).sum::<usize>();
        values.push(u8::try_from(sum % 103).unwrap_or(0));
        values.push(STOP);
        Bars { values }
    }

    /// Its width with the empty space on both sides, modules.
    pub fn width(&self) -> u32 {
        let widths = self.values.iter().flat_map(|value| widths(*value));
        widths.sum::<u32>() + 2 * QUIET
    }

    /// The bars as the path of an SVG picture of that height, one unit a module.
    pub fn path(&self, height: u32) -> String {
        let mut path = String::with_capacity(self.values.len() * 40);
        let mut at = QUIET;
        for value in &self.values {
            for (place, width) in widths(*value).enumerate() {
                if place % 2 == 0 {
                    path.push_str(&format!("M{at} 0h{width}v{height}h-{width}z"));
                }
                at += width;
            }
        }
        path
    }
}

fn widths(value: u8) -> impl Iterator<Item = u32> {
    WIDTHS.get(usize::from(value)).copied().unwrap_or("").bytes().map(|digit| u32::from(digit - b'0'))
}

fn pair(digits: &[u8]) -> u8 {
    digits.iter().fold(0, |sum, digit| sum * 10 + (digit - b'0'))
}

/// Whether the last digit is the check digit of those before (GS1 General Specifications 7.9.1).
fn has_check_digit(digits: &str) -> bool {
    let numbers = digits.bytes().rev().map(|byte| u32::from(byte.wrapping_sub(b'0'))).enumerate();
    let sum: u32 = numbers.map(|(place, digit)| if place % 2 == 1 { digit * 3 } else { digit }).sum();
    sum.is_multiple_of(10)
}

/// Start and symbols: digits go in pairs where that is shorter (ISO/IEC 15417 annex E).
fn values(text: &[u8]) -> Vec<u8> {
    let run = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut in_pairs = run(0) >= 4 || (text.len() == 2 && run(0) == 2);
    let mut values = vec![if in_pairs { START_C } else { START_B }];
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let digits = run(at);
        if in_pairs {
            match text.get(at..at + 2).filter(|_| digits >= 2) {
                Some(two) => {
                    values.push(pair(two));
                    at += 2;
                }
                None => {
                    values.push(CODE_B);
                    in_pairs = false;
                }
            }
        } else if digits.is_multiple_of(2) && (digits >= 6 || (digits >= 4 && at + digits == text.len())) {
            values.push(CODE_C);
            in_pairs = true;
        } else {
            values.push(byte - 32);
            at += 1;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_one() {
        for (value, widths) in WIDTHS.iter().enumerate().take(106) {
            let digits: Vec<u32> = widths.bytes().map(|byte| u32::from(byte - b'0')).collect();
            assert_eq!((digits.len(), digits.iter().sum::<u32>()), (6, 11), "{value}");
            let bars: u32 = digits.iter().step_by(2).sum();
            assert!(bars.is_multiple_of(2), "{value}: bars have an even width");
            assert_eq!(WIDTHS.iter().filter(|other| *other == widths).count(), 1, "{value}");
        }
    }

    fn check(text: &str, expected: &[u8]) {
        assert_eq!(Bars::of(text).unwrap().values, expected, "{text}");
    }

    #[test]
    fn symbols_and_check_characters() {
        // The example of ISO/IEC 15417 as it is published widely: PJJ123C has the check character 55 in code set A or B.
        check("PJJ123C", &[104, 48, 42, 42, 17, 18, 19, 35, 55, 106]);
        check("Wikipedia", &[104, 55, 73, 75, 73, 80, 69, 68, 73, 65, 88, 106]);
        check("681234560016", &[105, 68, 12, 34, 56, 0, 16, 1, 106]);
        check("12345", &[105, 12, 34, 100, 21, 54, 106]);
        check("AB1234", &[104, 33, 34, 99, 12, 34, 102, 106]);
    }

    #[test]
    fn shipping_containers() {
        // The SSCC of the GS1 General Specifications: 3 7610425 002123456 9.
        let bars = Bars::of_sscc("376104250021234569").unwrap();
        assert_eq!(bars.values.get(..4), Some(&[105, 102, 0, 37][..]));
        assert_eq!(bars.values.len(), 3 + 9 + 2);
        assert_eq!(Bars::of_sscc("376104250021234560"), None);
        assert_eq!(Bars::of_sscc("37610425002123456"), None);
    }

    #[test]
    fn what_cannot_be_written() {
        for text in ["", "송장", "a\nb", &"1".repeat(61)] {
            assert_eq!(Bars::of(text), None, "{text}");
        }
        let bars = Bars::of("1").unwrap();
        assert_eq!(bars.width(), 10 + 11 * 3 + 13 + 10);
        assert!(bars.path(50).starts_with("M10 0h2v50h-2z"));
    }
}

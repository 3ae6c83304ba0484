//! Interchanges of any size, for benchmarks and tests of memory: purchase orders as a retailer sends them, no two lines
//! alike, all of them valid.

use std::fmt::Write;

/// An interchange of so many ORDERS D.96A with so many lines each, syntax version 3, UNOC.
pub fn orders(messages: u32, lines: u32) -> Vec<u8> {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut put = |segment: std::fmt::Arguments<'_>| out.write_fmt(segment).unwrap_or(());
    put(format_args!("UNA:+.? '\nUNB+UNOC:3+4012345000009:14+8801234500012:14+260102:1530+77'\n"));
    for message in 1..=messages {
        put(format_args!(
            "UNH+{message}+ORDERS:D:96A:UN:EAN008'\nBGM+220+PO{message:07}+9'\nDTM+137:20260102:102'\nDTM+2:20260115:102'\n\
             NAD+BY+4012345000009::9'\nNAD+SU+8801234500012::9'\nNAD+DP+++Central warehouse:Gate {}+Hafenstrasse 12+Hamburg++20457+DE'\n\
             CUX+2:EUR:9'\n",
            message % 40 + 1
        ));
        for line in 1..=lines {
            let item = u64::from(message) * 131 + u64::from(line) * 17;
            let pieces = item % 90 + 1;
            let (euros, cents) = (item % 240 + 1, item % 100);
            put(format_args!(
                "LIN+{line}++{:013}:EN'\nPIA+1+AB-{item:06}:SA++K{item:05}:IN'\nIMD+F++:::Bolt M{} x {}, zinc plated'\n\
                 QTY+21:{pieces}:PCE'\nMOA+203:{}.{:02}'\nPRI+AAA:{euros}.{cents:02}'\n",
                4_000_000_000_000 + item,
                item % 20 + 3,
                item % 180 + 10,
                euros * pieces + cents * pieces / 100,
                cents * pieces % 100
            ));
        }
        put(format_args!("UNS+S'\nCNT+2:{lines}'\nUNT+{}+{message}'\n", 8 + lines * 6 + 3));
    }
    put(format_args!("UNZ+{messages}+77'\n"));
    out.into_bytes()
}

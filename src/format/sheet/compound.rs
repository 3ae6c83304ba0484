//! Compound files ([MS-CFB]): the container of XLS, and of XLSX files with a password. Only streams of the root are read.
//! Every number in them is checked against the size of the file; chains that do not end are cut there.

/// How such a file begins.
const MAGIC: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// Sector numbers from here on are marks.
const LAST_SECTOR: u32 = 0xFFFF_FFFA;

/// Bytes of a directory entry.
const ENTRY_BYTES: usize = 128;

/// Entries of the directory that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// A number of two bytes, little end first.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// A number of four bytes, little end first.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Whether bytes are such a file.
pub(super) fn is_compound(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A stream of the root.
struct Entry {
    name: String,
    start: u32,
    size_bytes: usize,
}

/// A compound file.
pub(super) struct Compound<'b> {
    bytes: &'b [u8],
    sector_bytes: usize,
    small_bytes: usize,
    /// Streams below this size stand in small sectors.
    cutoff_bytes: usize,
    next: Vec<u32>,
    small_next: Vec<u32>,
    /// The small sectors.
    small: Vec<u8>,
    entries: Vec<Entry>,
}

impl<'b> Compound<'b> {
    /// Reads tables and directory; none if they are damaged.
    pub(super) fn open(bytes: &'b [u8]) -> Option<Compound<'b>> {
        let shift = u16_at(bytes, 30).filter(|shift| matches!(shift, 9 | 12))?;
        let small_shift = u16_at(bytes, 32).filter(|shift| *shift == 6)?;
        let mut file = Compound {
            bytes: bytes.strip_prefix(MAGIC).map(|_| bytes)?,
            sector_bytes: 1 << shift,
            small_bytes: 1 << small_shift,
            cutoff_bytes: u32_at(bytes, 56)? as usize,
            next: Vec::new(),
            small_next: Vec::new(),
            small: Vec::new(),
            entries: Vec::new(),
        };
        file.next = file.table()?;
        let directory = file.chain(u32_at(bytes, 48)?, usize::MAX)?;
        let small_table = file.chain(u32_at(bytes, 60)?, usize::MAX).unwrap_or_default();
        file.small_next = numbers(&small_table).collect();
        let root = directory.get(..ENTRY_BYTES)?;
        let size = u32_at(root, 120)? as usize;
        file.small = file.chain(u32_at(root, 116)?, size).unwrap_or_default();
        file.children(&directory, u32_at(root, 76)?);
        Some(file)
    }

    fn sector(&self, number: u32) -> Option<&'b [u8]> {
        let start = (number as usize).checked_add(1)?.checked_mul(self.sector_bytes)?;
        let bytes = self.bytes;
        // The last sector of a file may be short.
        let end = start.checked_add(self.sector_bytes)?.min(bytes.len());
        bytes.get(start..end)
    }

    /// Sectors that the file has room for.
    fn most(&self) -> usize {
        self.bytes.len() / self.sector_bytes + 1
    }

    /// The table that says which sector follows which.
    fn table(&self) -> Option<Vec<u32>> {
        let mut places: Vec<u32> = numbers(self.bytes.get(76..512)?).collect();
        let mut more = u32_at(self.bytes, 68)?;
        for _ in 0..self.most() {
            if more >= LAST_SECTOR {
                break;
            }
            let mut list: Vec<u32> = numbers(self.sector(more)?).collect();
            more = list.pop()?;
            places.append(&mut list);
        }
        let mut table = Vec::new();
        for place in places.into_iter().filter(|place| *place < LAST_SECTOR).take(self.most()) {
            table.extend(numbers(self.sector(place)?));
        }
        Some(table)
    }

    /// The bytes of a chain of sectors, at most so many.
    fn chain(&self, start: u32, size_bytes: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut sector = start;
        for _ in 0..self.most() {
            if sector >= LAST_SECTOR || out.len() >= size_bytes {
                out.truncate(size_bytes);
                return Some(out);
            }
            out.extend_from_slice(self.sector(sector)?);
            sector = *self.next.get(sector as usize)?;
        }
        None
    }

    /// The streams of the root: a tree of siblings.
    fn children(&mut self, directory: &[u8], first: u32) {
        let mut open = vec![first];
        let mut seen = 0;
        while let Some(number) = open.pop() {
            let start = (number as usize).saturating_mul(ENTRY_BYTES);
            let Some(entry) = directory.get(start..start.saturating_add(ENTRY_BYTES)) else { continue };
            seen += 1;
            if seen > MOST_ENTRIES {
                return;
            }
            let length = usize::from(u16_at(entry, 64).unwrap_or(0)).saturating_sub(2).min(62);
            let units: Vec<u16> = (0..length / 2).filter_map(|at| u16_at(entry, at * 2)).collect();
            let is_stream = entry.get(66) == Some(&2);
            if let (true, Some(start), Some(size)) = (is_stream, u32_at(entry, 116), u32_at(entry, 120)) {
                self.entries.push(Entry { name: String::from_utf16_lossy(&units), start, size_bytes: size as usize });
            }
            open.extend(u32_at(entry, 68));
            open.extend(u32_at(entry, 72));
        }
    }

    /// Whether there is a stream of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// A stream.
    pub(super) fn stream(&self, name: &str) -> Option<Vec<u8>> {
        let entry = self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))?;
        if entry.size_bytes >= self.cutoff_bytes {
            return self.chain(entry.start, entry.size_bytes);
        }
        let mut out = Vec::new();
        let mut sector = entry.start;
        while sector < LAST_SECTOR && out.len() < entry.size_bytes {
            let start = (sector as usize).checked_mul(self.small_bytes)?;
            out.extend_from_slice(self.small.get(start..start.checked_add(self.small_bytes)?)?);
            sector = *self.small_next.get(sector as usize)?;
        }
        out.truncate(entry.size_bytes);
        Some(out)
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).filter_map(|four| u32_at(four, 0))
}

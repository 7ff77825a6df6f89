//! A small EVTX file from nothing: for the sample of `make demo` and for generated events.
//!
//! Records are plain binary XML without templates (so elements have no dependency id), every name written where it is
//! used. That is valid, and larger than what Windows writes. Layout after the public descriptions of the format (libevtx).

/// One record.
pub(crate) struct Record {
    /// EventRecordID.
    pub(crate) id: u64,
    /// 100 ns since 1601-01-01 UTC.
    pub(crate) filetime: u64,
    /// The event.
    pub(crate) root: Element,
}

/// An element with attributes and either text or children.
#[derive(Default)]
pub(crate) struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: Option<String>,
    children: Vec<Element>,
}

impl Element {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(crate) fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }
}

const CHUNK: usize = 65_536;
const CHUNK_HEADER: usize = 512;
const FILE_HEADER: usize = 4_096;

/// Writes the file: records in the order given, as many chunks as they need.
pub(crate) fn evtx(records: &[Record]) -> Vec<u8> {
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    let mut at = 0;
    while at < records.len() {
        let (chunk, taken) = chunk(&records[at..], at as u64 + 1);
        chunks.push(chunk);
        at += taken;
    }
    let mut file = vec![0; FILE_HEADER];
    file[..8].copy_from_slice(b"ElfFile\0");
    put(&mut file, 16, &(chunks.len() as u64 - 1).to_le_bytes());
    put(&mut file, 24, &(records.len() as u64 + 1).to_le_bytes());
    put(&mut file, 32, &128_u32.to_le_bytes());
    put(&mut file, 36, &1_u16.to_le_bytes());
    put(&mut file, 38, &3_u16.to_le_bytes());
    put(&mut file, 40, &4_096_u16.to_le_bytes());
    put(&mut file, 42, &u16::try_from(chunks.len()).unwrap().to_le_bytes());
    let checksum = crc32(&file[..120]);
    put(&mut file, 124, &checksum.to_le_bytes());
    file.extend(chunks.concat());
    file
}

/// Writes one chunk and says how many records it took.
fn chunk(records: &[Record], first_number: u64) -> (Vec<u8>, usize) {
    let mut data = vec![0; CHUNK_HEADER];
    let (mut taken, mut last_offset) = (0, 0);
    for record in records {
        let start = data.len();
        write_record(record, &mut data);
        if data.len() > CHUNK {
            data.truncate(start);
            break;
        }
        last_offset = start;
        taken += 1;
    }
    assert!(taken > 0, "a record fits into a chunk");
    let end = data.len();
    data.resize(CHUNK, 0);
    data[..8].copy_from_slice(b"ElfChnk\0");
    put(&mut data, 8, &first_number.to_le_bytes());
    put(&mut data, 16, &(first_number + taken as u64 - 1).to_le_bytes());
    put(&mut data, 24, &records[0].id.to_le_bytes());
    put(&mut data, 32, &records[taken - 1].id.to_le_bytes());
    put(&mut data, 40, &128_u32.to_le_bytes());
    put(&mut data, 44, &u32::try_from(last_offset).unwrap().to_le_bytes());
    put(&mut data, 48, &u32::try_from(end).unwrap().to_le_bytes());
    let events = crc32(&data[CHUNK_HEADER..end]);
    put(&mut data, 52, &events.to_le_bytes());
    let header = crc32(&[&data[..120], &data[128..CHUNK_HEADER]].concat());
    put(&mut data, 124, &header.to_le_bytes());
    (data, taken)
}

fn write_record(record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend(0x2a2a_u32.to_le_bytes());
    out.extend([0; 4]);
    out.extend(record.id.to_le_bytes());
    out.extend(record.filetime.to_le_bytes());
    out.extend([0x0f, 1, 1, 0]);
    write_element(&record.root, out);
    out.push(0);
    let size = u32::try_from(out.len() - start + 4).unwrap();
    put(out, start + 4, &size.to_le_bytes());
    out.extend(size.to_le_bytes());
}

fn write_element(element: &Element, out: &mut Vec<u8>) {
    out.push(if element.attributes.is_empty() { 0x01 } else { 0x41 });
    let size_at = out.len();
    out.extend([0; 4]);
    write_name(&element.name, out);
    if !element.attributes.is_empty() {
        let list_at = out.len();
        out.extend([0; 4]);
        for (i, (name, value)) in element.attributes.iter().enumerate() {
            out.push(if i + 1 < element.attributes.len() { 0x46 } else { 0x06 });
            write_name(name, out);
            write_text(value, out);
        }
        let size = u32::try_from(out.len() - list_at - 4).unwrap();
        put(out, list_at, &size.to_le_bytes());
    }
    if element.text.is_none() && element.children.is_empty() {
        out.push(0x03);
    } else {
        out.push(0x02);
        element.text.iter().for_each(|text| write_text(text, out));
        element.children.iter().for_each(|child| write_element(child, out));
        out.push(0x04);
    }
    let size = u32::try_from(out.len() - size_at - 4).unwrap();
    put(out, size_at, &size.to_le_bytes());
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let units: Vec<u16> = text.encode_utf16().collect();
    out.extend([0x05, 0x01]);
    out.extend(u16::try_from(units.len()).unwrap().to_le_bytes());
    units.iter().for_each(|unit| out.extend(unit.to_le_bytes()));
}

/// A reference to a name that follows at once.
fn write_name(name: &str, out: &mut Vec<u8>) {
    out.extend(u32::try_from(out.len() + 4).unwrap().to_le_bytes());
    let units: Vec<u16> = name.encode_utf16().collect();
    let hash = units.iter().fold(0_u32, |hash, unit| hash.wrapping_mul(65_599).wrapping_add(u32::from(*unit)));
    out.extend([0; 4]);
    out.extend((hash & 0xffff).to_le_bytes()[..2].iter());
    out.extend(u16::try_from(units.len()).unwrap().to_le_bytes());
    units.iter().for_each(|unit| out.extend(unit.to_le_bytes()));
    out.extend([0; 2]);
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 });
    !bytes.iter().fold(u32::MAX, step)
}

//! Long texts on their way into the store: which are packed, against which base; and the bases for those who read.
//!
//! What becomes of a text depends on the texts before it alone, so that the same archives give the same store.

use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

use super::StoreError;
use super::pack::{self, Packer, Sample};

/// A shorter text is not packed against a base: little would be gained.
// On a mix of logs with 14 % of script blocks, 128 instead of 64 costs 1.6 % of the size of the JSON in command lines and hashes.
const MIN_PACKED_TEXT: usize = 64;
/// Texts below this are looked at for being one large number, and those below [`MIN_LOOKED_AT`] for nothing.
const MAX_NUMBER: usize = 257;
pub(super) const MIN_LOOKED_AT: usize = 24;
/// Packers held, a quarter of a megabyte each; the one that was used least lately goes.
// The columns of a type come in turns, event by event, and few types have more than two with long texts.
const MAX_PACKERS: usize = 16;
/// Bytes of samples held for all columns together. A column that would need more begins a new sample.
const MAX_SAMPLES: usize = 8 * 1024 * 1024;
/// Packed texts after which a column is asked whether its base is still good.
const WINDOW: u32 = 4_096;
/// Of so many texts that were tried, a quarter must have become shorter; else the column rests for [`REST`] texts.
// What is encrypted or random does not pack, and trying costs time.
const TRIES: u32 = 64;
const REST: u32 = 2_048;

/// A column whose texts are packed.
#[derive(Debug, Default)]
struct PackedColumn {
    /// The base of its next texts; 0: every byte once.
    base: u16,
    /// Texts for the next base; `None` while the base is good.
    sample: Option<Sample>,
    /// Texts of this window: how many, and their bytes before and after.
    texts: u32,
    raw: u64,
    packed: u64,
    /// Bytes after packing, of a thousand before, in the first window with this base.
    usual: Option<u64>,
    tried: u32,
    shorter: u32,
    rest: u32,
}

/// Packs the texts of all columns.
pub(super) struct TextPacker {
    columns: FxHashMap<(u32, usize), PackedColumn>,
    /// Those used last come first.
    packers: Vec<(u16, Packer)>,
    next_base: i64,
    sampled: usize,
    /// The cell made last.
    cell: Vec<u8>,
}

/// What is to be done with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// It is stored as it is.
    Plain,
    /// The cell is [`TextPacker::cell`], packed against this base.
    Packed { base: u16 },
}

impl TextPacker {
    /// Takes up the bases of a store.
    pub(super) fn open(connection: &Connection) -> Result<Self, StoreError> {
        let next_base = connection.query_row("SELECT max(id) FROM text_base", [], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(0);
        let mut packer = Self {
            columns: FxHashMap::default(),
            packers: Vec::new(),
            next_base: next_base / pack::ROWS + 1,
            sampled: 0,
            cell: Vec::new(),
        };
        let mut select = connection.prepare("SELECT event_type, position, base FROM field WHERE base IS NOT NULL")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let base = row.get(2)?;
            let sample = (base == 0).then(Sample::default);
            packer.columns.insert((row.get(0)?, row.get::<_, u32>(1)? as usize), PackedColumn { base, sample, ..PackedColumn::default() });
        }
        Ok(packer)
    }

    /// The cell that was packed last.
    pub(super) fn cell(&self) -> &[u8] {
        &self.cell
    }

    /// Packs a text of a column where that makes it shorter.
    pub(super) fn pack(&mut self, connection: &Connection, event_type: u32, column: usize, text: &str) -> Result<Packing, StoreError> {
        if text.len() < MAX_NUMBER && pack::pack_number(text.as_bytes(), &mut self.cell) {
            let base = self.columns.get(&(event_type, column)).map_or(0, |state| state.base);
            return Ok(Packing::Packed { base });
        }
        if !(MIN_PACKED_TEXT..=pack::MAX_PACKED_TEXT).contains(&text.len()) {
            return Ok(Packing::Plain);
        }
        let new = || PackedColumn { sample: Some(Sample::default()), ..PackedColumn::default() };
        let state = self.columns.entry((event_type, column)).or_insert_with(new);
        if state.rest > 0 {
            state.rest -= 1;
            return Ok(Packing::Plain);
        }
        if let Some(sample) = &mut state.sample {
            sample.add(text.as_bytes());
            self.sampled += text.len();
            if sample.is_full() {
                self.sampled -= sample.len();
                self.learn(connection, event_type, column)?;
            } else if self.sampled > MAX_SAMPLES {
                self.begin_samples();
            }
        }
        let base = self.columns[&(event_type, column)].base;
        self.with_packer(connection, base)?;
        let (_, packer) = self.packers.first_mut().expect("it was put there");
        packer.pack(text.as_bytes(), &mut self.cell);
        let state = self.columns.get_mut(&(event_type, column)).expect("it was put there");
        Ok(state.judge(base, text.len(), self.cell.len()))
    }

    /// Begins all samples anew: columns that fill theirs slowly share the memory by turns.
    fn begin_samples(&mut self) {
        self.sampled = 0;
        self.columns.values_mut().filter_map(|column| column.sample.as_mut()).for_each(|sample| *sample = Sample::default());
    }

    /// Makes a base of a column's sample, and takes it where it is better than the one before.
    fn learn(&mut self, connection: &Connection, event_type: u32, column: usize) -> Result<(), StoreError> {
        let state = self.columns.get_mut(&(event_type, column)).expect("it has a sample");
        let Some(sample) = state.sample.take() else { return Ok(()) };
        let before = state.base;
        state.usual = None;
        let data = pack::train(&sample);
        let Some(id) = u16::try_from(self.next_base).ok().filter(|id| *id < pack::MAX_BASES) else { return Ok(()) };
        let mut packer = Packer::new(id, data.clone());
        self.with_packer(connection, before)?;
        let mut size = |packer: &mut Packer| -> usize {
            sample
                .texts()
                .map(|text| {
                    packer.pack(text, &mut self.cell);
                    self.cell.len()
                })
                .sum()
        };
        let (old, new) = (size(&mut self.packers[0].1), size(&mut packer));
        // A tenth must come of it, with what the base itself takes: each base is some tens of kilobytes for ever.
        if (new + data.len() / 8) * 10 > old * 9 {
            return Ok(());
        }
        let mut insert = connection.prepare_cached("INSERT INTO text_base (id, data) VALUES (?1, ?2)")?;
        for (number, row) in (0..).zip(pack::rows(&data)) {
            insert.execute(params![i64::from(id) * pack::ROWS + number, row])?;
        }
        self.next_base += 1;
        self.columns.get_mut(&(event_type, column)).expect("it was there").base = id;
        self.hold(id, packer);
        Ok(())
    }

    /// Puts the packer of a base in front.
    fn with_packer(&mut self, connection: &Connection, base: u16) -> Result<(), StoreError> {
        match self.packers.iter().position(|(id, _)| *id == base) {
            Some(0) => {}
            Some(at) => self.packers[..=at].rotate_right(1),
            None => {
                let data = read_base(connection, base)?;
                self.hold(base, Packer::new(base, data));
            }
        }
        Ok(())
    }

    fn hold(&mut self, id: u16, packer: Packer) {
        self.packers.truncate(MAX_PACKERS - 1);
        self.packers.insert(0, (id, packer));
    }
}

impl PackedColumn {
    /// Whether a cell is short enough, and what is learnt from that.
    fn judge(&mut self, base: u16, raw: usize, packed: usize) -> Packing {
        let is_shorter = packed * 4 <= raw * 3;
        self.tried += 1;
        self.shorter += u32::from(is_shorter);
        if self.tried == TRIES {
            // A sample is at work: without a base most texts do not shrink yet.
            if self.shorter * 4 < TRIES && self.sample.is_none() {
                self.rest = REST;
            }
            (self.tried, self.shorter) = (0, 0);
        }
        self.texts += 1;
        self.raw += raw as u64;
        self.packed += packed as u64;
        if self.texts == WINDOW {
            let share = self.packed * 1_000 / self.raw.max(1);
            let usual = *self.usual.get_or_insert(share);
            // A quarter more: the texts are others than they were.
            if share * 4 > usual * 5 && self.sample.is_none() {
                self.sample = Some(Sample::default());
            }
            (self.texts, self.raw, self.packed) = (0, 0, 0);
        }
        if !is_shorter {
            return Packing::Plain;
        }
        Packing::Packed { base }
    }
}

/// Reads a base.
pub(super) fn read_base(connection: &Connection, base: u16) -> Result<Vec<u8>, StoreError> {
    let first = i64::from(base) * pack::ROWS;
    let mut select = connection.prepare_cached("SELECT data FROM text_base WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let rows: Vec<Vec<u8>> = select.query_map(params![first, first + pack::ROWS], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let data = pack::of_rows(rows.iter());
    if data.is_empty() || data.len() > pack::MAX_BASE_BYTES {
        return Err(StoreError::Damaged(format!("the base {base} of texts is not whole")));
    }
    Ok(data)
}

/// Bases held while a reader unpacks texts: 8 MB at most.
const MAX_BASES: usize = 256;

/// Unpacks texts.
#[derive(Debug, Default)]
pub(super) struct Unpacker {
    bases: FxHashMap<u16, Vec<u8>>,
    text: Vec<u8>,
}

impl Unpacker {
    /// The text of a packed cell, appended to `out`; returns its length.
    pub(super) fn unpack(&mut self, connection: &Connection, cell: &[u8], out: &mut String) -> Result<usize, StoreError> {
        let damaged = || StoreError::Damaged("a packed text is not whole".to_owned());
        self.text.clear();
        if pack::unpack_number(cell, &mut self.text).is_some() {
            out.push_str(std::str::from_utf8(&self.text).map_err(|_| damaged())?);
            return Ok(self.text.len());
        }
        let id = pack::base_id(cell).ok_or_else(damaged)?;
        if !self.bases.contains_key(&id) {
            if self.bases.len() >= MAX_BASES {
                self.bases.clear();
            }
            self.bases.insert(id, read_base(connection, id)?);
        }
        pack::unpack_into(cell, &self.bases[&id], &mut self.text).ok_or_else(damaged)?;
        out.push_str(std::str::from_utf8(&self.text).map_err(|_| damaged())?);
        Ok(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{EventBatch, Names};
    use crate::store::tests::{add, load};
    use crate::store::{SqlValue, Store};

    /// Script blocks: lines that repeat, each with numbers of its own, in hexadecimal and not.
    fn script(n: usize) -> String {
        let mut text = format!("function Invoke-Task{n} {{\r\n");
        for line in 0..n % 13 + 3 {
            let number = (n as u64 * 131 + line as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            text.push_str(&match line % 3 {
                0 => format!("    $buffer[{}] = 0x{number:016x} -band $cache.audit\r\n", number % 4_000),
                1 => format!("    Write-Verbose -Path C:\\Daten\\größe\\{:08X}.dat -Filter *.query\r\n", number as u32),
                _ => format!("    if ($null -eq $export) {{ Add-Member -Path $Path -Depth {}; Out-Null }}\r\n", number % 977),
            });
        }
        text.push('}');
        text
    }

    fn store(path: &std::path::Path, texts: &[String]) -> Store {
        let names = Names::default();
        let mut store = Store::open(path).unwrap();
        for (number, part) in texts.chunks(450).enumerate() {
            let mut batch = EventBatch::default();
            for (time, text) in (1..).zip(part) {
                add(&mut batch, &names, time, &[("ScriptBlockText", text.as_str()), ("Other", "x")]);
            }
            load(&mut store, &format!("f{number}"), &format!("{number}"), &batch, &names);
        }
        store.make_views(&[]).unwrap();
        store
    }

    fn texts() -> Vec<String> {
        let mut texts: Vec<String> = (0..900).map(script).collect();
        texts[450] = (0..2_000).map(|n| format!("{:x};", n * 7_919)).collect();
        texts[451] = "x".repeat(100_000);
        texts[452] = "ä".repeat(500);
        texts[453] = String::new();
        texts[454] = "{5BE6F2D1-3D77-65C1-0000-00000000E7D0}".to_owned();
        texts[455] = "{5BE6F2D1-3D77-65C1-0000-00000000e7d0}".to_owned();
        texts[456] = "ffffe14ad85051a754c99384a038a13e".to_owned();
        texts[457] = "0123456789ABCDEF".repeat(8);
        texts[458] = "5BE6F2D1-3D77-65C1-0000-00000000E7D0".to_owned();
        texts
    }

    fn column(store: &Store, sql: &str) -> Vec<Option<String>> {
        let rows = store.run(sql, &[]).unwrap().rows;
        rows.into_iter().map(|row| if let SqlValue::Text(text) = &row[0] { Some(text.clone()) } else { None }).collect()
    }

    #[test]
    fn texts_come_back_by_the_program_and_by_plain_sql() {
        let texts = texts();
        let expected: Vec<Option<String>> = texts.iter().cloned().map(Some).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = store(&path, &texts);
        assert_eq!(store.verify().unwrap().faults(), 0);
        let kinds = store.run("SELECT count(*), sum(length(c0)) FROM e1 WHERE typeof(c0) = 'blob'", &[]).unwrap().rows;
        let SqlValue::Integer(packed) = kinds[0][0] else { panic!("a count") };
        assert!(packed > 750, "{packed}");
        let bytes: usize = texts[500..].iter().map(String::len).sum();
        let size = store.run("SELECT sum(length(c0)) FROM e1 WHERE _id > 500", &[]).unwrap().rows;
        assert!(matches!(size[0][0], SqlValue::Integer(n) if n * 3 < i64::try_from(bytes).unwrap()), "{size:?} of {bytes}");
        // The program's own function, then what any other client has.
        assert_eq!(column(&store, "SELECT ScriptBlockText FROM security_5145 ORDER BY _id"), expected);
        let plain = rusqlite::Connection::open(&path).unwrap();
        let mut select = plain.prepare("SELECT ScriptBlockText FROM security_5145 ORDER BY _id").unwrap();
        let read: Vec<Option<String>> = select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(read, expected);
        // And cell by cell, as hunts do.
        let catalog = store.catalog().unwrap();
        let mut read = Vec::new();
        let all = crate::store::EventRange {
            first: crate::catalog::EventId(0),
            last: crate::catalog::EventId(i64::MAX),
            since_us: None,
            until_us: None,
        };
        let first = crate::catalog::ColumnIndex(0);
        store
            .scan(&catalog.types[0], &[first], all, &mut |_, cells| {
                let value = store.cell_value(&cells[0], catalog.types[0].column(first), None)?;
                read.push(value.map(|value| value.members()[0].clone()));
                Ok(std::ops::ControlFlow::Continue(()))
            })
            .unwrap();
        assert_eq!(read, expected);
    }

    #[test]
    fn a_store_with_packed_texts_opens_again_and_goes_on_with_its_bases() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let (names, texts) = (Names::default(), texts());
        for round in 0..2 {
            let mut store = Store::open(&path).unwrap();
            let mut batch = EventBatch::default();
            (1..)
                .zip(&texts[round * 400..][..400])
                .for_each(|(time, text)| add(&mut batch, &names, time, &[("ScriptBlockText", text.as_str())]));
            load(&mut store, "f", &round.to_string(), &batch, &names);
            store.make_views(&[]).unwrap();
            store.close().unwrap();
        }
        let store = Store::open_read_only(&path).unwrap();
        let bases = store.run("SELECT count(DISTINCT id / 32) FROM text_base", &[]).unwrap().rows;
        assert_eq!(bases, [[SqlValue::Integer(2)]]);
        let expected: Vec<Option<String>> = texts[..800].iter().cloned().map(Some).collect();
        assert_eq!(column(&store, "SELECT ScriptBlockText FROM security_5145 ORDER BY _id"), expected);
    }

    #[test]
    fn a_packed_text_that_is_damaged_is_told_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder.path().join("store.db"), &texts());
        for cell in ["x'00'", "x'000020'", "x'7fff0041'", "x'0000800000ffff'", "x'000000ff'"] {
            store.connection.execute(&format!("UPDATE e1 SET c0 = {cell} WHERE _id = 7"), []).unwrap();
            assert_eq!(store.verify().unwrap().faults(), 1, "{cell}");
            assert!(store.event(crate::catalog::EventId(7)).is_err(), "{cell}");
        }
    }

    #[test]
    fn a_function_of_nine_arguments_is_still_the_most_of_them() {
        let store = Store::in_memory().unwrap();
        for (arguments, expected) in [
            ("1, 2, 3, 4, 5, 6, 7, 8, 9", SqlValue::Integer(9)),
            ("1, 'b', 3, 'a', 5, 6.5, 7, 8, 9", SqlValue::Text("b".into())),
            ("1, NULL, 3, 4, 5, 6, 7, 8, x'00'", SqlValue::Null),
            ("1, 2, 3, 4, 5, 6, 7, 8, x'00'", SqlValue::Blob(vec![0])),
            ("NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, x'0000ff'", SqlValue::Null),
        ] {
            assert_eq!(store.run(&format!("SELECT max({arguments})"), &[]).unwrap().rows[0][0], expected, "{arguments}");
        }
    }
}

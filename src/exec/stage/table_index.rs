//! Which rows of a table fit some values: found without asking every row.
//!
//! A row asks for a text, a pattern or a network in each key column. Rows that ask for texts in the same columns are in one
//! map by those texts. Rows with no text at all are found by a few bytes that their first pattern cannot do without (those of all
//! are in one map) or by the prefix of their first network. Whatever else a row asks is tested then.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::exec::operators::MemoryBudget;
use crate::exec::{Fault, folded};
use crate::ir::{Cidr, Glob, Part, Table, TableMatch, parse_address};

/// Memory of an entry of a map beside its text, about.
const ENTRY_BYTES: usize = 64;

/// Bytes of the grams that patterns are found by, the longest first: each pattern has the longest that it has room for.
// More than 8 do not fit the number that a gram is; each size more would be one more look-up for each byte of a value.
const GRAM_BYTES: [usize; 5] = [8, 4, 3, 2, 1];

/// Memory (as budgets count it) of the indexes that a hunt keeps. A larger one is made anew for each use.
const MAX_SHARED_BYTES: usize = 48 * 1024 * 1024;

/// The indexes of the tables that rules look into. Dozens of rules share a table, and a replay in windows prepares each rule
/// hundreds of times: made anew each time, the indexes of the tables were four fifths of the whole hunt.
#[derive(Debug, Default)]
pub(in crate::exec) struct TableIndexes {
    known: Vec<SharedIndex>,
    bytes: usize,
}

#[derive(Debug)]
struct SharedIndex {
    /// Kept, so that no other table can have its address.
    table: Arc<Table>,
    columns: Vec<usize>,
    index: Rc<TableIndex>,
    bytes: usize,
}

impl TableIndexes {
    /// The index of a table by some of its columns. Each user pays for it: what a rule may take does not depend on the rules before it.
    pub(super) fn index(&mut self, table: &Arc<Table>, columns: &[usize], budget: &mut MemoryBudget) -> Result<Rc<TableIndex>, Fault> {
        if let Some(known) = self.known.iter().find(|known| Arc::ptr_eq(&known.table, table) && known.columns == columns) {
            budget.take(known.bytes)?;
            return Ok(known.index.clone());
        }
        let before = budget.used();
        let index = Rc::new(TableIndex::new(table, columns, budget)?);
        let bytes = budget.used() - before;
        if bytes <= MAX_SHARED_BYTES {
            if self.bytes + bytes > MAX_SHARED_BYTES {
                // All at once: the tables of one collection of rules fit, so that this is rare.
                self.known.clear();
                self.bytes = 0;
            }
            self.bytes += bytes;
            self.known.push(SharedIndex { table: table.clone(), columns: columns.to_vec(), index: index.clone(), bytes });
        }
        Ok(index)
    }
}

/// What a row of a table asks of one key.
#[derive(Debug)]
enum Ask {
    Text(Arc<str>),
    Pattern(Glob),
    Network(Cidr),
}

impl Ask {
    fn new(text: &str, how: TableMatch, fold: bool) -> Self {
        let literal = || Self::Text(if fold { folded(text).into() } else { text.into() });
        match how {
            TableMatch::Exact => literal(),
            TableMatch::Wildcard if !text.contains('*') => literal(),
            TableMatch::Wildcard => {
                let glob = Glob::wildcard(text);
                Self::Pattern(if fold { glob.folded() } else { glob })
            }
            TableMatch::Cidr => network(text).map_or_else(literal, Self::Network),
        }
    }

    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => **text == *value,
            Self::Pattern(glob) => glob.matches(value),
            Self::Network(network) => network.contains_text(value),
        }
    }
}

/// A network, or the network of one address.
fn network(text: &str) -> Option<Cidr> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.trim().parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(width), |prefix| prefix.trim().parse().ok().filter(|prefix| *prefix <= width))?;
    Some(Cidr { address, prefix })
}

/// Rows that ask for texts in the same keys.
#[derive(Debug)]
struct Literals {
    keys: Vec<usize>,
    rows: FxHashMap<Box<[Arc<str>]>, Vec<u32>>,
}

/// The rows of a table by what they ask.
#[derive(Debug)]
pub(super) struct TableIndex {
    fold: bool,
    most: usize,
    /// What each row asks of each key; a row that can fit nothing has none.
    asks: Vec<Box<[Ask]>>,
    literals: Vec<Literals>,
    patterns: Grams,
    /// Rows whose first key is a pattern without any literal piece.
    open: Vec<u32>,
    /// Rows whose first key is a network: by kind of address and length of the prefix, then by the address cut to it.
    networks: Vec<((bool, u8), FxHashMap<u128, Vec<u32>>)>,
}

/// Some bytes of each pattern, and whose they are.
// An automaton over a whole literal of each is faster to ask. But one of 35,000 domains takes 0.3 s to build, and often a few hundred
// rows ask: these maps are built six times as fast.
#[derive(Debug, Default)]
struct Grams {
    /// For each of [`GRAM_BYTES`]: gram → the rows that are found by it.
    by_size: [FxHashMap<u64, Vec<u32>>; GRAM_BYTES.len()],
}

impl TableIndex {
    /// Reads a table; `columns` are those of the keys.
    fn new(table: &Table, columns: &[usize], budget: &mut MemoryBudget) -> Result<Self, Fault> {
        let fold = !table.case_sensitive;
        let has_network = columns.iter().any(|column| table.matching[*column] == TableMatch::Cidr);
        // Of networks that hold an address the first of the file counts, and no other.
        let most = if has_network { 1 } else { usize::try_from(table.max_matches).unwrap_or(usize::MAX) };
        let mut index =
            Self { fold, most, asks: Vec::new(), literals: Vec::new(), patterns: Grams::default(), open: Vec::new(), networks: Vec::new() };
        for (number, row) in (0..).zip(&table.rows) {
            let ask = |column: &usize| Ask::new(&row[*column], table.matching[*column], fold);
            // A missing value fits nothing.
            let is_whole = columns.iter().all(|column| !row[*column].is_empty());
            let asks: Box<[Ask]> = if is_whole { columns.iter().map(ask).collect() } else { Box::default() };
            budget.take(columns.iter().map(|column| row[*column].len() + size_of::<Ask>() + ENTRY_BYTES).sum())?;
            if is_whole {
                index.add(number, &asks);
            }
            index.asks.push(asks);
        }
        Ok(index)
    }

    fn add(&mut self, number: u32, asks: &[Ask]) {
        let texts: Vec<(usize, Arc<str>)> =
            (0..).zip(asks).filter_map(|(key, ask)| if let Ask::Text(text) = ask { Some((key, text.clone())) } else { None }).collect();
        if !texts.is_empty() {
            let (keys, texts): (Vec<usize>, Vec<Arc<str>>) = texts.into_iter().unzip();
            let place = self.literals.iter().position(|literals| literals.keys == keys).unwrap_or_else(|| {
                self.literals.push(Literals { keys, rows: FxHashMap::default() });
                self.literals.len() - 1
            });
            return self.literals[place].rows.entry(texts.into()).or_default().push(number);
        }
        match asks.first() {
            Some(Ask::Pattern(glob)) if !self.patterns.add(number, glob) => self.open.push(number),
            Some(Ask::Network(network)) => {
                let kind = (network.address.is_ipv4(), network.prefix);
                let place = self.networks.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
                    self.networks.push((kind, FxHashMap::default()));
                    self.networks.len() - 1
                });
                self.networks[place].1.entry(cut(network.address, network.prefix)).or_default().push(number);
            }
            Some(Ask::Pattern(_) | Ask::Text(_)) | None => {}
        }
    }

    /// The rows that fit, in the order of the table, as many as may.
    pub(super) fn find(&self, key: &[Arc<str>]) -> Vec<u32> {
        let key: Vec<Arc<str>> = key.iter().map(|text| if self.fold { folded(text).into() } else { text.clone() }).collect();
        let mut rows = self.open.clone();
        for literals in &self.literals {
            let texts: Box<[Arc<str>]> = literals.keys.iter().map(|place| key[*place].clone()).collect();
            rows.extend(literals.rows.get(&texts).into_iter().flatten());
        }
        if let Some(first) = key.first() {
            self.patterns.rows_of(first, &mut rows);
        }
        if let Some(address) = key.first().filter(|_| !self.networks.is_empty()).and_then(|text| parse_address(text)) {
            self.networks_of(address, &mut rows);
        }
        // One row is in one place only; the places are asked one after the other.
        rows.sort_unstable();
        rows.dedup();
        let fits = |row: &u32| self.asks[*row as usize].iter().zip(&key).all(|(ask, value)| ask.holds(value));
        rows.into_iter().filter(fits).take(self.most).collect()
    }

    fn networks_of(&self, address: IpAddr, rows: &mut Vec<u32>) {
        // An address of IPv6 that stands for one of IPv4 is in the networks of both.
        let canonical = address.to_canonical();
        for ((is_v4, prefix), networks) in &self.networks {
            for address in [address, canonical].into_iter().filter(|address| address.is_ipv4() == *is_v4) {
                rows.extend(networks.get(&cut(address, *prefix)).into_iter().flatten());
            }
        }
    }
}

/// An address without the bits behind its prefix.
fn cut(address: IpAddr, prefix: u8) -> u128 {
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    // Shifting by the whole width overflows: a prefix of 0 leaves nothing.
    bits.checked_shr(width - u32::from(prefix).min(width)).unwrap_or(0)
}

impl Grams {
    /// Adds the row of a pattern; false where the pattern has no text that it could be found by.
    fn add(&mut self, row: u32, glob: &Glob) -> bool {
        let texts = || glob.parts().iter().filter_map(|part| if let Part::Text(text) = part { Some(text.as_bytes()) } else { None });
        let Some(longest) = texts().map(<[u8]>::len).max() else { return false };
        let Some(place) = GRAM_BYTES.iter().position(|size| *size <= longest) else { return false };
        let (size, rows) = (GRAM_BYTES[place], &mut self.by_size[place]);
        // Of the grams in the middle, at the beginning and at the end the one that the fewest rows before have: `\System32\` of a
        // thousand patterns tells none of them from another. To look at all would cost more than it tells.
        let grams = texts().filter(|text| text.len() >= size).flat_map(|text| {
            let last = text.len() - size;
            [last / 2, 0, last].map(|start| gram(&text[start..start + size]))
        });
        let Some(rarest) = grams.min_by_key(|gram| rows.get(gram).map_or(0, Vec::len)) else { return false };
        rows.entry(rarest).or_default().push(row);
        true
    }

    /// Adds the rows whose gram stands in a value.
    fn rows_of(&self, value: &str, rows: &mut Vec<u32>) {
        let mut seen = FxHashSet::default();
        for (size, known) in GRAM_BYTES.iter().zip(&self.by_size).filter(|(_, known)| !known.is_empty()) {
            seen.clear();
            for window in value.as_bytes().windows(*size) {
                let gram = gram(window);
                if let Some(found) = known.get(&gram)
                    && seen.insert(gram)
                {
                    rows.extend(found);
                }
            }
        }
    }
}

/// A few bytes as one number.
fn gram(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |gram, byte| gram << 8 | u64::from(*byte))
}

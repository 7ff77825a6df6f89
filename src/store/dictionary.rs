//! Distinct values and their ids, with bounded memory.
//!
//! A value is known by a 64-bit hash of its text. Recent hashes are kept in memory with a second, independent
//! 32-bit hash; a Bloom filter says of most new values that they are nowhere, without asking the disk; what is
//! left is looked up in the index on `value(hash)`, where equal hashes compare the text.

use hashbrown::HashMap;
use rusqlite::{Connection, params};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::StoreError;
use crate::event::{EventBatch, TextSpan};

/// Bytes of the memory of a load for each hash kept in memory, of which it takes some 24 itself. When they are full all go: values that
/// are common come back at once, and keeping an order of use would cost more than the few look-ups it saves.
// 1.5 million in the usual 256 MB: the table takes 50 MB, and half as much again while it grows.
const BYTES_PER_CACHED: u64 = 170;
/// Bits of the Bloom filter: 8 MB. Three bits a value are wrong in about one of twenty at ten million values, each a look-up too many.
const BLOOM_BITS: u64 = 8 * 8 * 1024 * 1024;

/// The dictionary of one writer.
pub(super) struct Dictionary {
    cache: HashMap<u64, (i64, u32), FxBuildHasher>,
    bloom: Vec<u64>,
    next: i64,
    /// Hashes that the cache may hold.
    most: usize,
    /// The texts of the batch that is written, by their place in it.
    batch: FxHashMap<TextSpan, i64>,
}

impl Dictionary {
    /// Reads what the filter needs to know of the values that are there.
    pub(super) fn open(connection: &Connection, memory: u64) -> Result<Self, StoreError> {
        let most = usize::try_from(memory / BYTES_PER_CACHED).unwrap_or(usize::MAX);
        let last: i64 = connection.query_row("SELECT last_value FROM watermark", [], |row| row.get(0))?;
        let bloom = vec![0; usize::try_from(BLOOM_BITS / 64).expect("fits")];
        let mut dictionary = Self { cache: HashMap::default(), bloom, next: last + 1, most, batch: FxHashMap::default() };
        let mut statement = connection.prepare("SELECT id, hash FROM value")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            // The filter is not stored: reading the hashes again is a scan of an index's worth of pages, and cannot be out of date.
            dictionary.set_bloom(row.get::<_, i64>(1)?.cast_unsigned());
            dictionary.next = dictionary.next.max(id + 1);
        }
        Ok(dictionary)
    }

    /// The id of a text, new or known; and whether it is new. `identity` is what is hashed: the text itself, or for a
    /// list a form that keeps its members apart.
    pub(super) fn id(&mut self, connection: &Connection, text: &str, identity: &[u8], is_list: bool) -> Result<(i64, bool), StoreError> {
        let seed = if is_list { LIST_SEED } else { 0 };
        let hash = hash64(identity, seed);
        let check = (hash64(identity, seed ^ CHECK_SEED) >> 32) as u32; // the upper half is the check
        // The cache first, then the filter, then the disk: from the cheapest to the dearest.
        if let Some((id, known)) = self.cache.get(&hash)
            && *known == check
        {
            return Ok((*id, false));
        }
        if self.may_hold(hash)
            && let Some(id) = lookup(connection, hash, text, is_list)?
        {
            self.remember(hash, id, check);
            return Ok((id, false));
        }
        let id = self.next;
        self.next += 1;
        connection.prepare_cached("INSERT INTO value (id, hash, text, is_list) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
            id,
            hash.cast_signed(),
            text,
            is_list
        ])?;
        self.set_bloom(hash);
        self.remember(hash, id, check);
        Ok((id, true))
    }

    /// Begins a batch.
    pub(super) fn begin_batch(&mut self) {
        self.batch.clear();
    }

    /// As [`Self::id`], of a text of the batch that was begun: readers let equal ones be the same piece of it, and those met before need
    /// not be looked at.
    pub(super) fn id_in_batch(&mut self, connection: &Connection, batch: &EventBatch, span: TextSpan) -> Result<(i64, bool), StoreError> {
        if let Some(id) = self.batch.get(&span) {
            return Ok((*id, false));
        }
        let text = batch.str(span);
        let found = self.id(connection, text, text.as_bytes(), false)?;
        self.batch.insert(span, found.0);
        Ok(found)
    }

    fn remember(&mut self, hash: u64, id: i64, check: u32) {
        if self.cache.len() >= self.most {
            self.cache.clear();
        }
        self.cache.insert(hash, (id, check));
    }

    fn may_hold(&self, hash: u64) -> bool {
        bits(hash).iter().all(|bit| self.bloom[(bit / 64) as usize] >> (bit % 64) & 1 == 1)
    }

    fn set_bloom(&mut self, hash: u64) {
        for bit in bits(hash) {
            self.bloom[(bit / 64) as usize] |= 1 << (bit % 64);
        }
    }
}

/// Lists are hashed apart from texts, so that a list and a text that looks like one are two values.
const LIST_SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// Makes the second hash independent of the first: together they have 96 bits, so that a cached value needs no comparison.
const CHECK_SEED: u64 = 0xd1b5_4a32_d192_ed03;

fn bits(hash: u64) -> [u64; 3] {
    // Double hashing; an odd step never falls back on the first bit.
    let step = (hash >> 33) | 1;
    [hash % BLOOM_BITS, hash.wrapping_add(step) % BLOOM_BITS, hash.wrapping_add(step.wrapping_mul(2)) % BLOOM_BITS]
}

fn lookup(connection: &Connection, hash: u64, text: &str, is_list: bool) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id, text, is_list FROM value WHERE hash = ?1")?;
    let mut rows = statement.query(params![hash.cast_signed()])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, bool>(2)? == is_list && row.get_ref(1)?.as_str().is_ok_and(|known| known == text) {
            // Equal hashes are not enough here: ids are for ever, and a wrong one would put another text into the event.
            return Ok(Some(row.get(0)?));
        }
    }
    Ok(None)
}

/// The hash that a text has in the dictionary.
pub(super) fn text_hash(text: &str) -> i64 {
    hash64(text.as_bytes(), 0).cast_signed()
}

/// The hash that a list has in the dictionary.
pub(super) fn list_hash<'t>(members: impl Iterator<Item = &'t str>) -> i64 {
    let mut identity = Vec::new();
    members.for_each(|member| add_member(&mut identity, member));
    hash64(&identity, LIST_SEED).cast_signed()
}

/// Adds a member to what identifies a list: its length in front, because a list of `a` and `b` is not the text of the two.
pub(super) fn add_member(identity: &mut Vec<u8>, member: &str) {
    identity.extend_from_slice(&(member.len() as u64).to_le_bytes());
    identity.extend_from_slice(member.as_bytes());
}

/// A 64-bit hash of bytes, written down in the store: it must never change. Multiplies and folds eight bytes at a time.
pub(super) fn hash64(bytes: &[u8], seed: u64) -> u64 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64) // both halves of the product are wanted
    };
    let mut hash = seed ^ 0xa076_1d64_78bd_642f;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        hash = fold(hash ^ u64::from_le_bytes(*chunk), 0xe703_7ed1_a0b4_28db);
    }
    let mut last = [0_u8; 8];
    // Padded with zeros; the length goes in last, so that `a` and `a\0` differ.
    last[..rest.len()].copy_from_slice(rest);
    hash = fold(hash ^ u64::from_le_bytes(last), 0x8ebc_6af0_9c88_c6e3);
    fold(hash ^ bytes.len() as u64, 0x5899_65cc_7537_4cc3)
}

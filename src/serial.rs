//! How compiled rules are written and read again: what several of them share is written once.
//!
//! serde writes the target of an [`Arc`] wherever one stands: the text of a file of rules as often as something points into it, a lookup
//! table for each search that names it. Within [`with_pool`] the first place holds the value, and all others say which one it is, so that
//! reading gives back one value that is shared as before. Without a pool every place holds the value: right for a
//! fingerprint, where sharing must not make a difference.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Distinct codes of diagnostics that are read in the life of a process: what is read is kept for ever, so there must be an end.
// The program has some 300.
const MAX_NAMES: usize = 2_000;
/// Bytes of a code. The longest has some 40.
const MAX_NAME_BYTES: usize = 100;

thread_local! {
    // serde hands no context down to the fields that are written, so what belongs to one writing or reading stands beside the call.
    static POOL: RefCell<Option<Pool>> = const { RefCell::new(None) };
}

/// What was written or read so far.
#[derive(Default)]
struct Pool {
    /// The address of each shared value → its number.
    written: HashMap<usize, u32>,
    read: Vec<Arc<dyn Any + Send + Sync>>,
}

/// Writes or reads something whose parts may be shared. One pool belongs to one writing, or to the reading of what it wrote.
pub(crate) fn with_pool<T>(work: impl FnOnce() -> T) -> T {
    let before = POOL.replace(Some(Pool::default()));
    let done = work();
    POOL.set(before);
    done
}

/// A value, or the number of one before it.
#[derive(Serialize, Deserialize)]
enum Place<T> {
    New(T),
    Known(u32),
}

/// For fields that are an [`Arc`]: `#[serde(with = "crate::serial::shared")]`.
pub(crate) mod shared {
    use super::*;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
        let address = Arc::as_ptr(value).addr();
        let known = POOL.with_borrow_mut(|pool| {
            let pool = pool.as_mut()?;
            let next = u32::try_from(pool.written.len()).expect("fewer than 2^32 values fit into memory");
            // The value lives as long as the call, so no other one gets its address.
            let known = pool.written.get(&address).copied();
            pool.written.entry(address).or_insert(next);
            known
        });
        known.map_or(Place::New(value.as_ref()), Place::Known).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Arc<T>, D::Error>
    where
        T: Deserialize<'de> + Send + Sync + 'static,
        D: Deserializer<'de>,
    {
        let number = match Place::<T>::deserialize(deserializer)? {
            Place::New(value) => {
                let value = Arc::new(value);
                POOL.with_borrow_mut(|pool| pool.iter_mut().for_each(|pool| pool.read.push(value.clone())));
                return Ok(value);
            }
            Place::Known(number) => number as usize,
        };
        let known = POOL.with_borrow(|pool| pool.as_ref()?.read.get(number)?.clone().downcast::<T>().ok());
        known.ok_or_else(|| D::Error::custom("a shared value is not there"))
    }
}

/// For fields that are an [`Arc`] or nothing.
pub(crate) mod optional {
    use super::*;

    struct Shared<'a, T>(&'a Arc<T>);

    impl<T: Serialize> Serialize for Shared<'_, T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            shared::serialize(self.0, serializer)
        }
    }

    struct Owned<T>(Arc<T>);

    impl<'de, T: Deserialize<'de> + Send + Sync + 'static> Deserialize<'de> for Owned<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            shared::deserialize(deserializer).map(Self)
        }
    }

    pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &Option<Arc<T>>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Shared).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<Arc<T>>, D::Error>
    where
        T: Deserialize<'de> + Send + Sync + 'static,
        D: Deserializer<'de>,
    {
        Ok(Option::<Owned<T>>::deserialize(deserializer)?.map(|owned| owned.0))
    }
}

/// A name that is a part of the program. An alias, because serde would take `&'static str` as borrowed from what is read.
pub(crate) type CodeName = &'static str;

/// Reads a name that is a part of the program where it was written, such as a code of a diagnostic.
pub(crate) fn read_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CodeName, D::Error> {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

    let name: std::borrow::Cow<'de, str> = Deserialize::deserialize(deserializer)?;
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name.as_ref()) {
        return Ok(*known);
    }
    if names.len() >= MAX_NAMES || name.len() > MAX_NAME_BYTES {
        return Err(D::Error::custom("a code is not one of the program's"));
    }
    // Codes are `&'static str` everywhere else; the few that are read are kept once each.
    let kept: &'static str = Box::leak(name.into_owned().into_boxed_str());
    names.insert(kept);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Diagnostic, SourceText};

    fn said() -> Vec<Diagnostic> {
        let source = Arc::new(SourceText { path: "a.yml".into(), text: "title: x".repeat(100) });
        let other = Arc::new(SourceText { path: "b.yml".into(), text: "b".into() });
        vec![
            Diagnostic::error("sigma-x", "wrong").at(&source, 1..2).hint("do"),
            Diagnostic::warning("spl-y", "odd").at(&other, 0..1),
            Diagnostic::warning("spl-y", "odd").at(&source, 3..4),
            Diagnostic::warning("spl-y", "nowhere"),
        ]
    }

    #[test]
    fn what_is_shared_is_written_once_and_shared_again() {
        let alone = postcard::to_stdvec(&said()).expect("memory takes all");
        let bytes = with_pool(|| postcard::to_stdvec(&said())).expect("memory takes all");
        assert!(bytes.len() + 700 < alone.len());
        let read: Vec<Diagnostic> = with_pool(|| postcard::from_bytes(&bytes)).expect("it was written so");
        assert_eq!(read, said());
        let source = |index: usize| read[index].source.as_ref().expect("it has one");
        assert!(Arc::ptr_eq(source(0), source(2)) && !Arc::ptr_eq(source(0), source(1)));
        assert_eq!(postcard::from_bytes::<Vec<Diagnostic>>(&alone).expect("it was written so"), said());
    }

    #[test]
    fn what_was_not_written_so_is_refused() {
        let bytes = with_pool(|| postcard::to_stdvec(&said())).expect("memory takes all");
        assert!(postcard::from_bytes::<Vec<Diagnostic>>(&bytes).is_err(), "without a pool nothing is known");
        for end in 0..bytes.len() {
            assert!(with_pool(|| postcard::from_bytes::<Vec<Diagnostic>>(&bytes[..end])).is_err());
        }
    }
}

//! Stores in memory with generated events in them.

use retrohunt::event::Names;
use retrohunt::store::{SourceEnd, SourceStart, Store};

use super::evaluate::Event;
use super::generate::batch::batch;

/// Makes a store and loads stored events (without NUL) as one source, in batches of `batch_size`. The id of an event
/// in the store is its id in the list.
pub(crate) fn store_of(events: &[Event], batch_size: usize) -> Store {
    let mut store = Store::in_memory().expect("a store in memory");
    let names = Names::default();
    let mut writer = store.writer().expect("a writer");
    writer.begin_source(&SourceStart { path: "generated".into() }).expect("a source");
    for part in events.chunks(batch_size.max(1)) {
        writer.append(&batch(part, &names), &names).expect("a batch");
    }
    let end = SourceEnd { format: "generated".into(), sha256: "0".repeat(64), bytes: 1, ..SourceEnd::default() };
    let outcome = writer.finish_source(&end).expect("a finished source");
    assert_eq!(outcome.new_events, u64::try_from(events.len()).expect("few"), "every event is new");
    drop(writer);
    store.make_views(&[]).expect("views");
    store
}

//! Rendered text of events: compressed one by one with a zstd dictionary trained on the first ones.

use rusqlite::{Connection, OptionalExtension, params};
use zstd::bulk::{Compressor, Decompressor};

use super::StoreError;

/// Messages kept plain until the dictionary is trained on them.
const TRAINING: usize = 2_000;
/// Size of a trained dictionary.
const DICTIONARY_BYTES: usize = 112 * 1024;
/// A longer message than this is damage.
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// Compresses messages on their way into the store.
pub(super) struct MessageWriter {
    dictionary: i64,
    compressor: Option<Compressor<'static>>,
    training: Vec<Vec<u8>>,
}

impl MessageWriter {
    /// Takes up the newest dictionary, if there is one.
    pub(super) fn open(connection: &Connection) -> Result<Self, StoreError> {
        let newest: Option<(i64, Vec<u8>)> =
            connection.query_row("SELECT id, data FROM message_dictionary ORDER BY id DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let mut writer = Self { dictionary: 0, compressor: None, training: Vec::new() };
        if let Some((id, data)) = newest {
            writer.dictionary = id;
            writer.compressor = Some(Compressor::with_dictionary(3, &data).map_err(|e| StoreError::Damaged(format!("message dictionary {id}: {e}")))?);
        }
        Ok(writer)
    }

    /// Writes one message.
    pub(super) fn write(&mut self, connection: &Connection, event: i64, text: &str) -> Result<(), StoreError> {
        let mut insert = connection.prepare_cached("INSERT INTO message (event, dictionary, data) VALUES (?1, ?2, ?3)")?;
        match &mut self.compressor {
            Some(compressor) => {
                let data = compressor.compress(text.as_bytes()).map_err(|e| StoreError::Compression(e.to_string()))?;
                insert.execute(params![event, self.dictionary, data])?;
            }
            None => {
                insert.execute(params![event, 0, text.as_bytes()])?;
                self.train(connection, text)?;
            }
        }
        Ok(())
    }

    fn train(&mut self, connection: &Connection, text: &str) -> Result<(), StoreError> {
        self.training.push(text.as_bytes().to_vec());
        if self.training.len() < TRAINING {
            return Ok(());
        }
        let samples = std::mem::take(&mut self.training);
        // Messages too few or too alike to train on stay plain; the next ones are tried again.
        if let Ok(data) = zstd::dict::from_samples(&samples, DICTIONARY_BYTES) {
            connection.execute("INSERT INTO message_dictionary (data) VALUES (?1)", params![data])?;
            self.dictionary = connection.last_insert_rowid();
            self.compressor = Some(Compressor::with_dictionary(3, &data).map_err(|e| StoreError::Compression(e.to_string()))?);
        }
        Ok(())
    }
}

/// Reads the message of an event.
pub(super) fn read(connection: &Connection, event: i64) -> Result<Option<String>, StoreError> {
    let row: Option<(i64, Vec<u8>)> =
        connection.prepare_cached("SELECT dictionary, data FROM message WHERE event = ?1")?.query_row(params![event], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((dictionary, data)) = row else { return Ok(None) };
    if dictionary == 0 {
        return text_of(&data, None).map(Some);
    }
    let trained: Vec<u8> = connection.prepare_cached("SELECT data FROM message_dictionary WHERE id = ?1")?.query_row(params![dictionary], |row| row.get(0))?;
    text_of(&data, Some(&trained)).map(Some)
}

/// Makes the text of a stored message; without a dictionary it is plain.
pub(super) fn text_of(data: &[u8], dictionary: Option<&[u8]>) -> Result<String, StoreError> {
    let Some(dictionary) = dictionary else { return Ok(String::from_utf8_lossy(data).into_owned()) };
    let mut decompressor = Decompressor::with_dictionary(dictionary).map_err(|e| StoreError::Compression(e.to_string()))?;
    let length = Decompressor::upper_bound(data).unwrap_or(MAX_MESSAGE_BYTES).min(MAX_MESSAGE_BYTES);
    let bytes = decompressor.decompress(data, length).map_err(|e| StoreError::Compression(e.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

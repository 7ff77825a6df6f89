//! Answers of Spark Connect to their very end.
//!
//! A server ends the stream of an answer after two minutes or a gigabyte, whether the query has run to its end or not, and waits to be
//! asked for the rest: the answer is whole where the server says so, and only there. The client's own iterator takes the end of a stream
//! for the end of the answer.

use std::time::Duration;

use arrow::array::{Array as _, AsArray as _, StringArray};
use arrow::ipc::reader::StreamReader;
use spark_connect_core::{ChannelBuilder, ExecutePlanResponseReattachableIterator, SparkConnectClient, SparkError, block_on};
use spark_connect_proto::execute_plan_response::ResponseType;
use spark_connect_proto::plan::OpType;
use spark_connect_proto::relation::RelType;
use spark_connect_proto::{ExecutePlanRequest, Plan, Relation, Sql, UserContext};

/// Streams, one after the other, that end without a word: of two minutes each, these are weeks.
const SILENT_MAX: u32 = 100_000;
/// Streams, one after the other, that break.
const BROKEN_MAX: u32 = 5;
/// Before the rest is asked for.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_BROKEN: Duration = Duration::from_secs(1);
/// What gRPC calls a connection that broke.
const UNAVAILABLE: i32 = 14;

/// What is done with an id and what is said of it. Nobody wants more where it fails.
pub(super) type TakePair<'t> = dyn FnMut(Option<String>, Option<String>) -> Result<(), String> + 't;

/// A session, as statements are asked in it.
pub(super) struct SparkAnswers {
    client: SparkConnectClient,
    tag: String,
}

impl SparkAnswers {
    /// Those of a session that is there.
    pub(super) fn new(url: &str, session: &str, tag: &str) -> Result<Self, SparkError> {
        let separator = if url.contains("/;") { ";" } else { "/;" };
        let builder = ChannelBuilder::parse(&format!("{url}{separator}session_id={session}"))?;
        Ok(Self { client: block_on(SparkConnectClient::connect(&builder))?, tag: tag.to_owned() })
    }

    /// Runs a statement with two columns of texts.
    pub(super) fn each_pair(&self, sql: &str, take: &mut TakePair<'_>) -> Result<(), String> {
        let said = |error: SparkError| error.to_string();
        let answer = ExecutePlanResponseReattachableIterator::new(self.request(sql));
        let mut stream = block_on(self.client.execute_plan(answer.request().clone())).map_err(said)?;
        let (mut silent, mut broken) = (0, 0);
        loop {
            match block_on(stream.message()) {
                Ok(Some(response)) => {
                    (silent, broken) = (0, 0);
                    block_on(answer.set_last_response_id(&response));
                    if let Some(ResponseType::ArrowBatch(batch)) = &response.response_type {
                        each_row(&batch.data, take)?;
                    }
                    if block_on(answer.is_completed()) {
                        // It has been read; a server that is not told forgets it by itself.
                        block_on(async { self.client.release_execute(answer.create_release_request(true).await).await }).ok();
                        return Ok(());
                    }
                    continue;
                }
                Ok(None) => {
                    silent += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(status) if status.code() as i32 == UNAVAILABLE && broken < BROKEN_MAX => {
                    broken += 1;
                    std::thread::sleep(PAUSE_BROKEN);
                }
                Err(status) => return Err(said(SparkError::from_grpc_status(status))),
            }
            if silent > SILENT_MAX {
                return Err("the server ends its answer again and again, and never says that it is whole".to_owned());
            }
            stream = block_on(async { self.client.reattach_execute(answer.create_reattach_request().await).await }).map_err(said)?;
        }
    }

    fn request(&self, sql: &str) -> ExecutePlanRequest {
        let statement = Relation { rel_type: Some(RelType::Sql(Sql { query: sql.to_owned(), ..Sql::default() })), ..Relation::default() };
        ExecutePlanRequest {
            session_id: self.client.session_id().to_owned(),
            user_context: Some(UserContext::default()),
            tags: vec![self.tag.clone()],
            plan: Some(Plan { op_type: Some(OpType::Root(statement)), ..Plan::default() }),
            ..ExecutePlanRequest::default()
        }
    }
}

/// The rows of a batch as Arrow writes them.
fn each_row(batch: &[u8], take: &mut TakePair<'_>) -> Result<(), String> {
    if batch.is_empty() {
        return Ok(());
    }
    let unread = |error: arrow::error::ArrowError| format!("rows cannot be read: {error}");
    for rows in StreamReader::try_new(batch, None).map_err(unread)? {
        let rows = rows.map_err(unread)?;
        let texts = |place: usize| {
            let column = rows.columns().get(place).and_then(|column| column.as_string_opt::<i32>());
            column.ok_or_else(|| format!("column {} is not of texts", place + 1))
        };
        let (ids, said) = (texts(0)?, texts(1)?);
        (0..rows.num_rows()).try_for_each(|row| take(text_of(ids, row), text_of(said, row)))?;
    }
    Ok(())
}

fn text_of(texts: &StringArray, row: usize) -> Option<String> {
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

//! Fixed examples of what rules mean, one for each statement of docs/sigma.md and docs/spl.md that decides results. Each goes the
//! three ways (hunt, portable SQL, evaluator) and must give the documented answer;
//! `encodings` asks files in every encoding instead.

mod correlation;
mod datasets;
mod encodings;
mod log_sources;
mod sigma;
mod sigma_book;
mod sigma_features;
mod splunk;
mod splunk_rows;
mod splunk_texts;

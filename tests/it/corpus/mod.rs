//! Acceptance on the corpora beside the project: counts, the seed's rows, the oracles of Sigma and of Splunk's detections, one truth
//! in many encodings.

mod archives;
mod coverage;
mod encodings;
mod escu;
mod fields;
mod load;
mod lookups;
mod placeholders;
mod reading;
mod seed;
mod sigma;
mod status;
mod vectors;

//! Acceptance on the corpora beside the project: counts, the seed's rows, the Sigma oracle, one truth in many encodings.

mod archives;
mod encodings;
mod load;
mod placeholders;
mod seed;
mod sigma;
mod vectors;

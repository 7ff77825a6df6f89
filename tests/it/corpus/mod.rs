//! Acceptance on the corpora beside the project: counts, the seed's rows, the Sigma oracle.

mod load;
mod placeholders;
mod seed;
mod sigma;

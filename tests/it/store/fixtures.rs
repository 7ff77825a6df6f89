//! Stores of every version before this one.

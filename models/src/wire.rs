//! The neutral protocol words: one protocol a file.

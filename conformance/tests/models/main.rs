//! The reference models against the real servers that they stand for, on random programs.

mod answer;
mod around;
mod deviation;
mod difference;
mod expression;
mod generate;
mod interleaved;
mod kafka;
mod keyed;
mod luck;
mod postgres;
mod postgres_model;
mod postgres_server;
mod program;
mod redis;
mod statement;
mod tally;

//! Reading by consumers: committed records only, held open while there is nothing new.

use super::{Local, Reader, Replica};
use crate::kafka::Effect;
use crate::wire::kafka::{ErrorCode, Fetch, FetchReply, Response};
use sim::Duration;

impl Replica {
    /// A consumer's fetch; the caller has checked that the principal may read.
    pub fn read(&mut self, local: Local<'_>, correlation: u64, fetch: &Fetch, out: &mut Vec<Effect>) {
        let error = if self.state.leader != Some(local.me) {
            ErrorCode::NotLeaderOrFollower
        } else if fetch.offset < self.log.start() || fetch.offset > self.log.end() {
            ErrorCode::OffsetOutOfRange
        } else {
            ErrorCode::None
        };
        let idle = fetch.offset >= self.high_watermark;
        if error == ErrorCode::None && idle && fetch.wait > Duration::ZERO {
            let deadline = local.now + fetch.wait;
            self.readers.push(Reader { correlation, offset: fetch.offset, bytes_max: fetch.bytes_max, deadline });
            return;
        }
        out.push(self.fetch_reply(error, correlation, fetch.offset, fetch.bytes_max));
    }

    pub(super) fn fetch_reply(&self, error: ErrorCode, correlation: u64, offset: u64, bytes_max: u64) -> Effect {
        let (mut batches, mut next_offset) = (Vec::new(), offset);
        if error == ErrorCode::None {
            for batch in self.log.read(offset, self.high_watermark, bytes_max) {
                next_offset = batch.end();
                if !batch.control {
                    batches.push(batch.clone());
                }
            }
        }
        let (high_watermark, log_start) = (self.high_watermark, self.log.start());
        let reply = FetchReply { error, batches, next_offset, high_watermark, log_start };
        Effect::Reply { correlation, response: Response::Fetch(reply) }
    }
}

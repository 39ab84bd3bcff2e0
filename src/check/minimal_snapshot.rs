//! `minimal-snapshot`: nothing is logged on a channel that the protocol says it does not log.

use super::judge::Judge;
use super::verdict::{Evidence, Property};
use crate::base::{ChannelId, Epoch};
use crate::trace::At;

pub(super) fn logged(judge: &mut Judge<'_>, at: At, epoch: Epoch, c: ChannelId, seq: u64) {
    if !judge.logs.contains(c) {
        let channel = judge.job.graph.spell_channel(c);
        let message = format!(
            "record {seq} of {channel} is logged for snapshot {epoch}, but the protocol says it does not log that channel"
        );
        let evidence = vec![
            ("epoch", Evidence::Number(epoch)),
            ("channel", Evidence::Text(channel)),
            ("seq", Evidence::Number(seq)),
        ];
        judge.violate(at, Property::MinimalSnapshot, "logged-elsewhere", message, evidence);
    }
}

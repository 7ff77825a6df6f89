//! What a record says in other words only: the channel by its provider, the fields by its message.
//!
//! Exports for people have no channel and no fields. Which records these are is said by their shape.

use super::make::push;
use super::paths::PathId;
use super::{Normaliser, ROLES, Role, rendered};
use crate::event::TextSpan;

/// The members that have a role.
pub(super) type EnvelopeSpans = [Option<(PathId, TextSpan)>; ROLES];

impl Normaliser<'_> {
    /// Adds the members that a record has only in other words. Returns its channel.
    pub(super) fn complete(&mut self, shape: usize, envelope: &EnvelopeSpans, pairs: &mut Vec<(PathId, TextSpan)>) -> Option<TextSpan> {
        let shape = self.known.shapes[shape].shape;
        let given = envelope[Role::Dataset as usize].map(|(_, span)| span);
        let code = envelope[Role::Code as usize].map(|(_, span)| span);
        // The record's own channel first: the provider is only a guess at it, and some write to several.
        let dataset = given.or_else(|| self.channel_of(&shape.provider, code, pairs));
        if shape.rendered.as_ref().is_some_and(|channels| channels.is_empty() || self.is_one_of(dataset, channels))
            && let Some(message) = envelope[Role::Message as usize]
        {
            self.fields_of(message, dataset, code, pairs);
        }
        if !shape.unnamed.is_empty() {
            self.forget_names(&shape.unnamed, &shape.guid, pairs);
        }
        dataset
    }

    /// Takes members that an exporter numbered (`param1`, `param2`) for what they are: data without names, in that order.
    fn forget_names(&mut self, prefix: &str, guid: &str, pairs: &mut [(PathId, TextSpan)]) {
        let text = |(path, _): &(PathId, TextSpan)| self.known.paths.text(*path);
        // With the provider's GUID the names are known elsewhere: such exporters number only the data of classic events.
        if pairs.iter().any(|pair| text(pair) == guid) {
            return;
        }
        let number = |pair| text(pair).strip_prefix(prefix).and_then(|digits| digits.parse::<u32>().ok());
        let mut numbered: Vec<(u32, usize)> = pairs.iter().enumerate().filter_map(|(at, pair)| Some((number(pair)?, at))).collect();
        if numbered.is_empty() {
            return;
        }
        let places: Vec<usize> = numbered.iter().map(|(_, at)| *at).collect();
        // By their numbers and not by their text: `param10` comes after `param9`.
        numbered.sort_unstable();
        let spans: Vec<TextSpan> = numbered.iter().map(|(_, at)| pairs[*at].1).collect();
        let above = prefix.rsplit_once('.').map_or("", |(above, _)| above);
        let above = above.split('.').fold(PathId::ROOT, |path, key| self.child(path, key));
        let data = self.child(above, "Data");
        for (place, span) in places.into_iter().zip(spans) {
            pairs[place] = (data, span);
        }
    }

    /// Takes `\\\\` for `\\` where every backslash of a value is written twice.
    pub(super) fn undouble(&mut self, pairs: &mut [(PathId, TextSpan)]) {
        for (_, span) in pairs {
            let text = self.batch.str(*span);
            // Every one, or the value is meant as it stands: a UNC path begins with two.
            if text.contains("\\\\") && !text.replace("\\\\", "").contains('\\') {
                let single = text.replace("\\\\", "\\");
                *span = push(&mut self.batch.text, &single);
            }
        }
    }

    fn is_one_of(&self, dataset: Option<TextSpan>, channels: &[String]) -> bool {
        dataset.is_some_and(|span| channels.iter().any(|channel| channel.eq_ignore_ascii_case(self.batch.str(span))))
    }

    /// The channel that the provider writes to.
    fn channel_of(&mut self, provider: &str, code: Option<TextSpan>, pairs: &[(PathId, TextSpan)]) -> Option<TextSpan> {
        if provider.is_empty() {
            return None;
        }
        let (_, provider) = pairs.iter().find(|(path, _)| self.known.paths.text(*path) == provider)?;
        let channel = rendered::channel(self.batch.str(*provider), code.map_or("", |code| self.batch.str(code)))?;
        Some(push(&mut self.batch.text, channel))
    }

    /// Takes the labels of a message for members below it.
    fn fields_of(
        &mut self,
        (above, message): (PathId, TextSpan),
        dataset: Option<TextSpan>,
        code: Option<TextSpan>,
        pairs: &mut Vec<(PathId, TextSpan)>,
    ) {
        let text = |span: Option<TextSpan>| span.map_or(String::new(), |span| self.batch.str(span).to_owned());
        let (dataset, code, message) = (text(dataset), text(code), text(Some(message)));
        let mut rendered = std::mem::take(&mut self.known.rendered);
        rendered.fields(&dataset, &code, message.trim_ascii_end(), &mut |name, value| {
            let path = self.child(above, name);
            pairs.push((path, push(&mut self.batch.text, value)));
        });
        self.known.rendered = rendered;
    }
}

//! An event outside of a store, as a row of text gives it.

use std::ops::Range;

/// An event by the columns of its type. Its allocations serve the next one: [`LooseEvent::begin`].
#[derive(Debug, Default)]
pub struct LooseEvent {
    /// Its time in µs UTC.
    pub time_us: Option<i64>,
    /// Its record number.
    pub record: Option<i64>,
    text: String,
    host: Option<Range<usize>>,
    message: Option<Range<usize>>,
    cells: Vec<LooseCell>,
    members: Vec<Range<usize>>,
}

#[derive(Debug, Clone)]
enum LooseCell {
    Missing,
    Text(Range<usize>),
    List(Range<usize>),
}

/// The value of a column.
#[derive(Debug, Clone)]
pub enum LooseValue<'e> {
    /// The event lacks the field.
    Missing,
    /// One text.
    Text(&'e str),
    /// A multivalue of two members or more, in order.
    List(Vec<&'e str>),
}

/// What of an event a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LooseField {
    /// The value of the column in this place.
    Column(usize),
    /// The host.
    Host,
    /// The rendered text.
    Message,
}

impl LooseEvent {
    /// Starts another event, of a type with so many columns. It has nothing yet.
    pub fn begin(&mut self, columns: usize) {
        (self.time_us, self.record, self.host, self.message) = (None, None, None, None);
        self.text.clear();
        self.members.clear();
        self.cells.clear();
        self.cells.resize(columns, LooseCell::Missing);
    }

    /// Sets a text, which `write` appends to what it is given. Returns what `write` does.
    pub fn put_text<E>(&mut self, field: LooseField, write: impl FnOnce(&mut String) -> Result<(), E>) -> Result<(), E> {
        let start = self.text.len();
        write(&mut self.text)?;
        let span = start..self.text.len();
        match field {
            LooseField::Column(place) => self.cells[place] = LooseCell::Text(span),
            LooseField::Host => self.host = Some(span),
            LooseField::Message => self.message = Some(span),
        }
        Ok(())
    }

    /// Adds a member to the value of a column, which the members before belong to too. One alone is a text.
    pub fn put_member<E>(&mut self, place: usize, write: impl FnOnce(&mut String) -> Result<(), E>) -> Result<(), E> {
        let start = self.text.len();
        write(&mut self.text)?;
        let span = start..self.text.len();
        self.cells[place] = match self.cells[place].clone() {
            LooseCell::Missing => LooseCell::Text(span),
            LooseCell::Text(first) => {
                let from = self.members.len();
                self.members.extend([first, span]);
                LooseCell::List(from..from + 2)
            }
            LooseCell::List(members) => {
                self.members.push(span);
                LooseCell::List(members.start..members.end + 1)
            }
        };
        Ok(())
    }

    /// Whether the event has something in a column.
    pub fn has(&self, place: usize) -> bool {
        !matches!(self.cells.get(place), None | Some(LooseCell::Missing))
    }

    /// The value of a column.
    pub fn value(&self, place: usize) -> LooseValue<'_> {
        match self.cells.get(place) {
            None | Some(LooseCell::Missing) => LooseValue::Missing,
            Some(LooseCell::Text(span)) => LooseValue::Text(&self.text[span.clone()]),
            Some(LooseCell::List(members)) => {
                LooseValue::List(self.members[members.clone()].iter().map(|span| &self.text[span.clone()]).collect())
            }
        }
    }

    /// How many columns its type has.
    pub fn columns(&self) -> usize {
        self.cells.len()
    }

    /// Its host.
    pub fn host(&self) -> Option<&str> {
        self.host.clone().map(|span| &self.text[span])
    }

    /// Its rendered text.
    pub fn message(&self) -> Option<&str> {
        self.message.clone().map(|span| &self.text[span])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(event: &LooseEvent, place: usize) -> Option<Vec<String>> {
        match event.value(place) {
            LooseValue::Missing => None,
            LooseValue::Text(text) => Some(vec![text.to_owned()]),
            LooseValue::List(members) => Some(members.into_iter().map(str::to_owned).collect()),
        }
    }

    fn adding(text: &str) -> impl FnOnce(&mut String) -> Result<(), ()> + '_ {
        move |out| {
            out.push_str(text);
            Ok(())
        }
    }

    #[test]
    fn an_event_has_what_was_put_and_nothing_of_the_one_before() {
        let mut event = LooseEvent::default();
        for round in 0..2 {
            event.begin(4);
            event.time_us = Some(round);
            for (place, text) in [(1, "a"), (2, "b"), (1, "c"), (1, "d")] {
                event.put_member(place, adding(text)).unwrap();
            }
            event.put_text(LooseField::Column(3), |_| Ok::<_, ()>(())).unwrap();
            event.put_text(LooseField::Host, adding("h")).unwrap();
            assert_eq!(texts(&event, 0), None);
            assert_eq!(texts(&event, 2), Some(vec!["b".to_owned()]), "one member is a text");
            assert_eq!(texts(&event, 3), Some(vec![String::new()]));
            assert_eq!((event.host(), event.message()), (Some("h"), None));
        }
        // Members of one column that are put one after the other.
        event.begin(1);
        ["x", "", "z"].iter().for_each(|text| event.put_member(0, adding(text)).unwrap());
        assert_eq!(texts(&event, 0), Some(vec!["x".to_owned(), String::new(), "z".to_owned()]));
        assert_eq!((event.time_us, event.host(), event.has(0), event.has(1)), (None, None, true, false));
    }
}

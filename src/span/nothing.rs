//! Spans of a build without the feature `otel`: nothing, in the form of those that are something.

/// A step of a trace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span;

impl Span {
    pub fn none() -> Self {
        Self
    }

    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    pub fn around<F: Future>(&self, work: F) -> F {
        work
    }

    pub fn record<T>(&self, _field: &str, _value: T) {}

    pub fn link(&self, _other: &Place) {}

    pub fn end(self) {}
}

/// A place in a trace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place;

impl Place {
    pub fn here() -> Self {
        Self
    }

    pub fn is_traced(&self) -> bool {
        false
    }

    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    pub fn around<F: Future>(self, work: F) -> F {
        work
    }
}

/// A place that is known later.
#[derive(Debug, Default)]
pub struct PlaceCell;

impl PlaceCell {
    pub fn set(&self, _place: Place) {}

    pub fn get(&self) -> Place {
        Place
    }
}

macro_rules! span {
    ($($any:tt)*) => {
        $crate::span::Span
    };
}
pub(crate) use span;

//! When users start and of which class they are. Functions only: nothing here knows how anything is sent.

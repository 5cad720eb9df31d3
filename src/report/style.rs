//! Colour, or none.

/// How text is drawn: with colour or without. Who draws decides, by `NO_COLOR` and the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    colour: bool,
}

/// What a piece of text says by its colour, always beside a word or sign that says it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As it should be.
    Good,
    /// With reservations.
    Warn,
    /// Not as it should be.
    Bad,
    /// A heading or what matters most.
    Strong,
    /// Beside the point.
    Faint,
}

impl Style {
    /// Text as it is.
    pub fn plain() -> Style {
        Style { colour: false }
    }

    /// Text with the terminal's own sixteen colours, which the user has chosen.
    pub fn coloured() -> Style {
        Style { colour: true }
    }

    /// `text` in this ink; the same text where there is no colour.
    pub fn paint(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Good => "32",
            Ink::Warn => "33",
            Ink::Bad => "31",
            Ink::Strong => "1",
            Ink::Faint => "2",
        };
        if self.colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

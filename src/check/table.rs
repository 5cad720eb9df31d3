//! Rows of data as they lie in memory: one text for all cells and the place where each cell ends. A million rows of
//! five cells are their own text and 20 MB, and nobody makes a value of a cell before it is used.

use super::meaning::Type;
use super::types;

/// Rows that were read from a file, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    form: Form,
    text: String,
    ends: Vec<u32>,
}

/// How a cell is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

/// A cell as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Out of a CSV file: text as it is.
    Text(&'a str),
    /// Out of JSON: a compact JSON text.
    Json(&'a str),
}

/// How the bytes of a data file are meant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Format {
    /// Fields between separators. Without columns the first row names them.
    Csv { separator: u8, columns: Option<Vec<String>> },
    /// A JSON value on each line.
    JsonLines,
    /// One JSON array.
    JsonArray,
}

/// Why a file holds no rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// The first byte that is no UTF-8 stands on this line.
    NotUtf8 { line: u64 },
    /// A row of another length than the header: its line, its fields, and how many are wanted.
    Ragged { line: u64, found: usize, wanted: usize },
    /// Two columns of one name.
    SameColumn(String),
    /// A column without a name, counted from 1.
    NamelessColumn(usize),
    /// No JSON: the line, and why.
    NotJson { line: u64, why: String },
    /// JSON, but no array.
    NotAnArray,
    /// Nothing but, at best, a header.
    NoRows,
    /// More than can be counted.
    TooLarge,
}

impl Table {
    /// The names of the columns; none where each row is a single value.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are; at least one.
    pub fn row_count(&self) -> u32 {
        (self.ends.len() / self.width()) as u32
    }

    /// What it takes in memory: the text of all cells, and four bytes for each.
    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>()
    }

    /// The cell of a row in a column; `None`: the row does not have it. Of single values the column is 0.
    pub fn cell(&self, row: u32, column: usize) -> Option<Cell<'_>> {
        let index = row as usize * self.width() + column;
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        let text = &self.text[start..end];
        match self.form {
            Form::Text => Some(Cell::Text(text)),
            Form::Json if text.is_empty() => None,
            Form::Json => Some(Cell::Json(text)),
        }
    }

    fn width(&self) -> usize {
        self.columns.len().max(1)
    }
}

/// The rows in `bytes`, and what is known of each column's type, or of the single values.
pub(super) fn read(bytes: &[u8], format: &Format) -> Result<(Table, Vec<Type>), Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text =
        std::str::from_utf8(bytes).map_err(|error| Fault::NotUtf8 { line: line_of(bytes, error.valid_up_to()) })?;
    let (mut table, types) = match format {
        Format::Csv { separator, columns } => csv(text, *separator, columns.clone())?,
        Format::JsonLines | Format::JsonArray => json(text, *format == Format::JsonArray)?,
    };
    if table.ends.is_empty() {
        return Err(Fault::NoRows);
    }
    // What grew while it was read has room for more: nobody needs that any more.
    table.text.shrink_to_fit();
    table.ends.shrink_to_fit();
    Ok((table, types))
}

fn line_of(bytes: &[u8], at: usize) -> u64 {
    1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64
}

/// RFC 4180, and what else is called CSV: any separator, any line end, empty lines passed over.
fn csv(text: &str, separator: u8, columns: Option<Vec<String>>) -> Result<(Table, Vec<Type>), Fault> {
    use csv_core::ReadRecordResult as Read;
    let mut reader = csv_core::ReaderBuilder::new().delimiter(separator).build();
    let mut header = columns;
    let mut table = Table { columns: Vec::new(), form: Form::Text, text: String::new(), ends: Vec::new() };
    let mut rest = text.as_bytes();
    let (mut fields, mut ends) = (vec![0; 256], vec![0; 16]);
    let (mut written, mut count) = (0, 0);
    let mut line = 1;
    loop {
        let (result, read, wrote, ended) = reader.read_record(rest, &mut fields[written..], &mut ends[count..]);
        rest = &rest[read..];
        written += wrote;
        count += ended;
        match result {
            Read::InputEmpty => {}
            Read::OutputFull => fields.resize(fields.len() * 2, 0),
            Read::OutputEndsFull => ends.resize(ends.len() * 2, 0),
            Read::Record => {
                // The separator and the quotes are ASCII, so what is left between them is whole characters.
                let record = std::str::from_utf8(&fields[..written]).expect("fields are cut at ASCII");
                let spans = (0..count).map(|index| (if index == 0 { 0 } else { ends[index - 1] }, ends[index]));
                match &header {
                    None => header = Some(spans.map(|(from, to)| record[from..to].trim().to_owned()).collect()),
                    Some(columns) if columns.len() != count => {
                        return Err(Fault::Ragged { line, found: count, wanted: columns.len() });
                    }
                    Some(_) => {
                        let start = table.text.len();
                        table.text.push_str(record);
                        for end in &ends[..count] {
                            table.ends.push(u32::try_from(start + end).map_err(|_| Fault::TooLarge)?);
                        }
                    }
                }
                (written, count) = (0, 0);
                line = reader.line();
            }
            Read::End => break,
        }
    }
    let columns = header.ok_or(Fault::NoRows)?;
    for (index, name) in columns.iter().enumerate() {
        if name.is_empty() {
            return Err(Fault::NamelessColumn(index + 1));
        }
        if columns[..index].contains(name) {
            return Err(Fault::SameColumn(name.clone()));
        }
    }
    let types = vec![Type::String; columns.len()];
    table.columns = columns;
    Ok((table, types))
}

/// Objects become rows with columns, the union of their keys; anything else rows of single values.
fn json(text: &str, array: bool) -> Result<(Table, Vec<Type>), Fault> {
    let mut columns: Vec<String> = Vec::new();
    let mut types: Vec<Option<Type>> = Vec::new();
    let (mut objects, mut rows, mut single) = (true, 0u64, None);
    // Twice over the text, so that the rows never lie in memory as trees: the columns, then the cells.
    each_row(text, array, &mut |row| {
        rows += 1;
        single = joined(single, type_of(&row));
        let Some(members) = row.as_object() else {
            objects = false;
            return;
        };
        for (key, value) in members {
            let index = columns.iter().position(|known| known == key).unwrap_or_else(|| {
                columns.push(key.clone());
                // Rows before this one lack it.
                types.push((rows > 1).then_some(Type::Json));
                columns.len() - 1
            });
            types[index] = joined(types[index], type_of(value));
        }
        for (column, ty) in columns.iter().zip(&mut types) {
            if !members.contains_key(column) {
                *ty = Some(Type::Json);
            }
        }
    })?;
    if !objects || columns.is_empty() {
        (columns, types) = (Vec::new(), vec![single]);
    }
    let mut table = Table { columns, form: Form::Json, text: String::new(), ends: Vec::new() };
    let mut fits = true;
    each_row(text, array, &mut |row| {
        let mut push = |value: Option<&serde_json::Value>| {
            if let Some(value) = value {
                table.text += &value.to_string();
            }
            fits &= u32::try_from(table.text.len()).is_ok();
            table.ends.push(table.text.len() as u32);
        };
        match table.columns.is_empty() {
            true => push(Some(&row)),
            false => table.columns.iter().for_each(|column| push(row.get(column))),
        }
    })?;
    if !fits {
        return Err(Fault::TooLarge);
    }
    Ok((table, types.into_iter().map(|ty| ty.unwrap_or(Type::Json)).collect()))
}

/// Goes through the rows of a JSON array, or of lines of JSON.
fn each_row(text: &str, array: bool, visit: &mut dyn FnMut(serde_json::Value)) -> Result<(), Fault> {
    if array {
        if !text.trim_start().starts_with('[') {
            return Err(Fault::NotAnArray);
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = serde::Deserializer::deserialize_seq(&mut reader, Rows(visit)).and_then(|()| reader.end());
        return read.map_err(|error| Fault::NotJson { line: error.line() as u64, why: reason(&error) });
    }
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(line) {
            Ok(row) => visit(row),
            Err(error) => return Err(Fault::NotJson { line: index as u64 + 1, why: reason(&error) }),
        }
    }
    Ok(())
}

/// What is wrong, without the place: that is told by the file's own lines.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((why, _)) => format!("{why}, at column {}", error.column()),
        None => text,
    }
}

/// Hands over each item of an array as it is read.
struct Rows<'v>(&'v mut dyn FnMut(serde_json::Value));

impl<'de> serde::de::Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<S: serde::de::SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        while let Some(item) = items.next_element()? {
            (self.0)(item);
        }
        Ok(())
    }
}

fn joined(known: Option<Type>, ty: Type) -> Option<Type> {
    Some(known.map_or(ty, |known| types::join(known, ty)))
}

fn type_of(value: &serde_json::Value) -> Type {
    match value {
        serde_json::Value::Null => Type::Null,
        serde_json::Value::Bool(_) => Type::Bool,
        serde_json::Value::Number(_) => Type::Number,
        serde_json::Value::String(_) => Type::String,
        serde_json::Value::Array(_) => Type::List,
        serde_json::Value::Object(_) => Type::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comma() -> Format {
        Format::Csv { separator: b',', columns: None }
    }

    fn table(text: &str, format: Format) -> Table {
        read(text.as_bytes(), &format).expect("it has rows").0
    }

    fn texts(table: &Table) -> Vec<Vec<&str>> {
        let text = |cell| match cell {
            Some(Cell::Text(text) | Cell::Json(text)) => text,
            None => "-",
        };
        let row = |row| (0..table.columns().len().max(1)).map(|column| text(table.cell(row, column))).collect();
        (0..table.row_count()).map(row).collect()
    }

    #[test]
    fn fields_are_quoted_as_rfc_4180_says() {
        let text = "name,note\r\nada,\"a, b\"\r\n\"bob \"\"b\"\"\",\"two\r\nlines\"\r\n\r\n,\"\"\r\n";
        let table = table(text, comma());
        assert_eq!(table.columns(), ["name", "note"]);
        assert_eq!(texts(&table), [["ada", "a, b"], ["bob \"b\"", "two\r\nlines"], ["", ""]]);
    }

    #[test]
    fn columns_and_separators_may_be_given() {
        let format = Format::Csv { separator: b';', columns: Some(vec!["a".into(), "b".into()]) };
        assert_eq!(texts(&table("1;2,5\n3;4", format)), [["1", "2,5"], ["3", "4"]]);
        let with_mark = "\u{feff}größe\tx\nklein\ty\n";
        let table = table(with_mark, Format::Csv { separator: b'\t', columns: None });
        assert_eq!((table.columns()[0].as_str(), texts(&table)), ("größe", vec![vec!["klein", "y"]]));
    }

    #[test]
    fn many_rows_take_little_more_than_their_text() {
        use std::fmt::Write as _;
        let (mut csv, mut lines) = (String::from("id,email,city\n"), String::new());
        for row in 0..100_000 {
            let _ = writeln!(csv, "{row:08},person-{row:08}@example.com,Springfield");
            let _ = writeln!(lines, "{{\"id\": {row}, \"email\": \"person-{row:08}@example.com\"}}");
        }
        for (text, format, cells) in [(csv, comma(), 300_000), (lines, Format::JsonLines, 200_000)] {
            let table = table(&text, format);
            assert_eq!(table.row_count(), 100_000);
            assert!(table.bytes() <= text.len() + 4 * cells, "{} for {}", table.bytes(), text.len());
        }
    }

    #[test]
    fn long_rows_and_wide_ones_are_read_whole() {
        let wide: Vec<String> = (0..100).map(|number| format!("c{number}")).collect();
        let long = "x".repeat(5_000);
        let row = vec![long.as_str(); 100].join(",");
        let table = table(&format!("{}\n{row}\n", wide.join(",")), comma());
        assert_eq!(table.cell(0, 99), Some(Cell::Text(long.as_str())));
    }

    #[test]
    fn faults_name_the_line() {
        let fault = |text: &str, format: Format| read(text.as_bytes(), &format).expect_err("it is at fault");
        assert_eq!(fault("a,b\n1,2\n\"x\ny\",2\n3\n", comma()), Fault::Ragged { line: 5, found: 1, wanted: 2 });
        assert_eq!(fault("a,b,a\n1,2,3\n", comma()), Fault::SameColumn("a".into()));
        assert_eq!(fault("a,,c\n1,2,3\n", comma()), Fault::NamelessColumn(2));
        assert_eq!(fault("a,b\n", comma()), Fault::NoRows);
        assert_eq!(fault("", comma()), Fault::NoRows);
        assert_eq!(fault("[]", Format::JsonArray), Fault::NoRows);
        assert_eq!(fault("{}", Format::JsonArray), Fault::NotAnArray);
        let broken = fault("{\"a\": 1}\n\n{\"a\": }\n", Format::JsonLines);
        assert!(matches!(&broken, Fault::NotJson { line: 3, why } if why.contains("column 7")), "{broken:?}");
        assert!(matches!(fault("[1,\n2,\n}", Format::JsonArray), Fault::NotJson { line: 3, .. }));
        assert_eq!(read(b"a\n\xff\n", &comma()).unwrap_err(), Fault::NotUtf8 { line: 2 });
    }

    #[test]
    fn whatever_stands_in_a_file_is_read_or_refused() {
        let pieces: [&[u8]; 14] = [
            b"a",
            b",",
            b"\"",
            b"\n",
            b"\r\n",
            b"\xc3\xa4",
            b"\xff",
            b"\xef\xbb\xbf",
            b"[",
            b"{",
            b"}",
            b"]",
            b":",
            b"1",
        ];
        let mut state = 7_u64;
        for _ in 0..5_000 {
            let mut text = Vec::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.extend_from_slice(pieces[(state >> 33) as usize % pieces.len()]);
            }
            for format in [comma(), Format::JsonLines, Format::JsonArray] {
                if let Ok((table, types)) = read(&text, &format) {
                    let width = table.columns().len().max(1);
                    assert_eq!(types.len(), width);
                    assert!(table.row_count() > 0 && table.cell(table.row_count(), 0).is_none());
                    texts(&table);
                }
            }
        }
    }

    #[test]
    fn objects_have_the_columns_that_any_of_them_has() {
        let text = r#"[{"name": "ada", "age": 36, "tags": ["x"]}, {"name": "bob", "age": 0.5, "extra": null}]"#;
        let (table, types) = read(text.as_bytes(), &Format::JsonArray).unwrap();
        assert_eq!(table.columns(), ["name", "age", "tags", "extra"]);
        assert_eq!(types, [Type::String, Type::Number, Type::Json, Type::Json]);
        assert_eq!(texts(&table), [["\"ada\"", "36", "[\"x\"]", "-"], ["\"bob\"", "0.5", "-", "null"]]);
        assert_eq!(table.cell(0, 3), None);
    }

    #[test]
    fn other_json_is_a_row_of_its_own() {
        let (table, types) = read(b"\"a\"\n\"b\"\n", &Format::JsonLines).unwrap();
        assert_eq!((table.columns(), types, table.row_count()), (&[][..], vec![Type::String], 2));
        assert_eq!(table.cell(1, 0), Some(Cell::Json("\"b\"")));
        let (table, types) = read(b"[1, \"b\", {\"c\": 2}]", &Format::JsonArray).unwrap();
        assert_eq!((table.columns(), types, table.row_count()), (&[][..], vec![Type::Json], 3));
    }
}

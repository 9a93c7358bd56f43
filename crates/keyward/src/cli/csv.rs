//! CSV as of RFC 4180, read record by record, with what spreadsheets and Amazon make of it.

use std::io::{self, BufRead};

/// The longest record, in bytes. A longer one has a quote that nobody closed.
const LONGEST_RECORD: usize = 1024 * 1024;

/// One record of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Counted from 1, as a spreadsheet shows it.
    pub row: usize,
    /// The line on which it begins, counted from 1; a quoted field may go over several.
    pub line: usize,
    pub fields: Vec<String>,
}

/// Why there is no record to be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The file can't be read.
    File(io::Error),
    /// The record isn't one; what it is, after "Row 7 ...".
    Record { row: usize, line: usize, why: &'static str },
}

/// Reads records. Those without any content are counted, and left out.
///
/// Fields may be quoted, with a quote in them doubled. Lines end by LF, CR LF or CR. In a field without
/// quotes, `\,` is a comma, as in the files that Amazon imports
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-using-import-tool-csv-header.html>).
pub(crate) struct Reader<R> {
    input: R,
    /// Of the record that was read last.
    row: usize,
    /// On which the next record begins.
    next_line: usize,
}

/// Where in a field the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// A quote was read in a quoted field: its end, or the first half of a quote in it.
    Closing,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, row: 0, next_line: 1 }
    }

    /// The next record that has any content.
    pub(crate) fn record(&mut self) -> Result<Option<Record>, Fault> {
        if self.row == 0 && self.input.fill_buf().map_err(Fault::File)?.starts_with(b"\xef\xbb\xbf") {
            self.input.consume(3);
        }
        while let Some(record) = self.any_record()? {
            if record.fields.iter().any(|field| !field.is_empty()) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn any_record(&mut self) -> Result<Option<Record>, Fault> {
        if self.input.fill_buf().map_err(Fault::File)?.is_empty() {
            return Ok(None);
        }
        self.row += 1;
        let (row, line) = (self.row, self.next_line);
        let broken = |why| Fault::Record { row, line, why };
        let mut fields = Vec::new();
        let mut field = Vec::new();
        let mut place = Place::Start;
        let mut length = 0;
        loop {
            let byte = self.byte()?;
            length += 1;
            match (place, byte) {
                (Place::Quoted, None) => return Err(broken("has a quoted field without an end")),
                (Place::Quoted, Some(b'"')) => place = Place::Closing,
                (Place::Quoted, Some(byte)) => {
                    self.next_line += usize::from(byte == b'\n');
                    field.push(byte);
                }
                (Place::Closing, Some(b'"')) => {
                    field.push(b'"');
                    place = Place::Quoted;
                }
                (Place::Plain, Some(b',')) if field.ends_with(b"\\") => {
                    field.pop();
                    field.push(b',');
                }
                (_, Some(b',')) => {
                    fields.push(text(&mut field).map_err(broken)?);
                    place = Place::Start;
                }
                (_, None | Some(b'\n' | b'\r')) => {
                    if byte == Some(b'\r') && self.input.fill_buf().map_err(Fault::File)?.starts_with(b"\n") {
                        self.input.consume(1);
                    }
                    self.next_line += 1;
                    fields.push(text(&mut field).map_err(broken)?);
                    return Ok(Some(Record { row, line, fields }));
                }
                (Place::Closing, Some(_)) => {
                    return Err(broken("has a quoted field that goes on after its end"));
                }
                (Place::Start, Some(b'"')) => place = Place::Quoted,
                (_, Some(byte)) => {
                    field.push(byte);
                    place = Place::Plain;
                }
            }
            if length > LONGEST_RECORD {
                return Err(broken("is longer than a megabyte; a quote may be open"));
            }
        }
    }

    fn byte(&mut self) -> Result<Option<u8>, Fault> {
        let byte = self.input.fill_buf().map_err(Fault::File)?.first().copied();
        self.input.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}

fn text(field: &mut Vec<u8>) -> Result<String, &'static str> {
    String::from_utf8(std::mem::take(field)).map_err(|_| "isn't UTF-8; save the file as UTF-8")
}

/// The fields as a line of their own. What any reader could mistake for something else is quoted.
pub(crate) fn line<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let fields: Vec<String> = fields
        .into_iter()
        .map(|field| {
            let is_plain = !field.contains([',', '"', '\n', '\r'])
                && !field.ends_with('\\')
                && !field.starts_with(char::is_whitespace)
                && !field.ends_with(char::is_whitespace);
            if is_plain { field.to_owned() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
        })
        .collect();
    fields.join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Result<Vec<Record>, Fault> {
        let mut reader = Reader::new(text);
        let mut records = Vec::new();
        while let Some(record) = reader.record()? {
            records.push(record);
        }
        Ok(records)
    }

    #[track_caller]
    fn assert_read(text: &str, expected: &[(usize, usize, &[&str])]) {
        let records = read(text.as_bytes()).unwrap();
        let records: Vec<_> = records.iter().map(|it| (it.row, it.line, it.fields.clone())).collect();
        let owned = |fields: &[&str]| fields.iter().copied().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            records,
            expected.iter().map(|(row, line, fields)| (*row, *line, owned(fields))).collect::<Vec<_>>()
        );
    }

    #[track_caller]
    fn assert_broken(text: &[u8], row: usize, line: usize, why: &str) {
        match read(text) {
            Err(Fault::Record { row: at, line: on, why: said }) => {
                assert_eq!((at, on), (row, line));
                assert!(said.contains(why), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_may_be_quoted_and_hold_commas_quotes_and_line_ends() {
        assert_read(
            "a,b\r\n\"x, \"\"y\"\"\",\"1\n2\"\nlast,",
            &[(1, 1, &["a", "b"]), (2, 2, &["x, \"y\"", "1\n2"]), (3, 4, &["last", ""])],
        );
        assert_read("a\"b,\"\"\n", &[(1, 1, &["a\"b", ""])]);
        assert_read("", &[]);
    }

    #[test]
    fn rows_are_counted_as_a_spreadsheet_shows_them() {
        assert_read(
            "\u{feff}a,b\n\n,\n\"1\n2\",c\nd,e\n",
            &[(1, 1, &["a", "b"]), (4, 4, &["1\n2", "c"]), (5, 6, &["d", "e"])],
        );
        assert_read("a\rb\r\nc", &[(1, 1, &["a"]), (2, 2, &["b"]), (3, 3, &["c"])]);
    }

    #[test]
    fn a_backslash_keeps_a_comma_as_in_the_files_of_amazon() {
        assert_read(
            "1 Main Street\\, Springfield,b\\c\n",
            &[(1, 1, &["1 Main Street, Springfield", "b\\c"])],
        );
        assert_read("\"a\\\",b\n", &[(1, 1, &["a\\", "b"])]);
    }

    #[test]
    fn what_is_no_csv_is_refused_with_its_row() {
        assert_broken(b"a\n\nb,\"c\nd", 3, 3, "without an end");
        assert_broken(b"a\n\"b\" ,c\n", 2, 2, "goes on after its end");
        assert_broken(b"a\nM\xfcller,b\n", 2, 2, "UTF-8");
        assert_broken(b"\xff\xfea\0b\0\n\0", 1, 1, "UTF-8");
        assert_broken(&[b"a\n\"".as_slice(), &vec![b'x'; LONGEST_RECORD]].concat(), 2, 2, "megabyte");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            rows in proptest::collection::vec(proptest::collection::vec("[ab,\"\\\\\r\n é]{0,6}", 1..5), 0..6)
        ) {
            let text: String =
                rows.iter().map(|fields| line(fields.iter().map(String::as_str))).collect();

            let read: Vec<_> =
                read(text.as_bytes()).unwrap().into_iter().map(|record| record.fields).collect();

            let with_content =
                rows.into_iter().filter(|fields| fields.iter().any(|field| !field.is_empty()));
            prop_assert_eq!(read, with_content.collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_break_the_reader(bytes: Vec<u8>, text in "[a,\"\\\\\r\n\u{feff}]*") {
            let _ = read(&bytes);
            let _ = read(text.as_bytes());
        }
    }
}

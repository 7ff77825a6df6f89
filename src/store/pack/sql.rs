//! Plain SQL that unpacks a cell, for every SQLite client.

use super::{MAX_BASE_BYTES, ROW_STEP, ROWS};

/// Arguments of the function that unpacks a cell in this program.
pub(in crate::store) const ARGUMENTS: i32 = 9;
/// Its name. Any client has a `max` of so many arguments, which is NULL where one of them is: there plain SQL goes on. This program has
/// one that knows packed cells ([`crate::store::functions`]).
pub(in crate::store) const FUNCTION: &str = "max";

/// The text of a packed cell: `cell` is the name of its column.
///
/// A recursion over the pieces: `i` is where the next begins and `o` what is unpacked so far. `instr` in the row with every byte gives
/// the number of a byte, which SQL cannot say otherwise. Each step consumes a byte of the cell at least, so that it ends.
pub(in crate::store) fn unpack(cell: &str) -> String {
    let byte = |at: &str| format!("instr(z.data, substr({cell}, {at}, 1))");
    let t = format!("({} - 1)", byte("i"));
    let w = format!("({t} * 256 + {} - 16385)", byte("i + 1"));
    let place = format!("CASE WHEN {t} < 128 THEN {w} % 2048 ELSE {} * 256 + {} - 257 END", byte("i + 1"), byte("i + 2"));
    let place = format!("({place})");
    let base = format!("({} * 256 + {} - 257)", byte("1"), byte("2"));
    let length = format!("CASE WHEN {t} < 128 THEN {w} / 2048 + 5 WHEN {t} < 240 THEN {t} - 124 ELSE ({t} - 239) * 128 END");
    let digits = |first: i32, count: i32| format!("substr(hex({cell}), {first}, {count})");
    format!(
        "coalesce({FUNCTION}({}{cell}), CASE substr({cell}, 1, 2) WHEN x'FFFF' THEN '{{' || {} || '-' || {} || '-' || {} || '-' || {} || '-' || {} || '}}' \
         WHEN x'FFFE' THEN lower(hex(substr({cell}, 3))) WHEN x'FFFD' THEN hex(substr({cell}, 3)) ELSE (\
         WITH u(i, o) AS (SELECT 3, CAST('' AS BLOB) UNION ALL \
         SELECT i + CASE WHEN {t} < 32 THEN {t} + 2 WHEN {t} < 48 THEN {t} - 28 WHEN {t} < 64 THEN {t} - 44 WHEN {t} < 128 THEN 2 ELSE 3 END, \
         CAST(o || CASE WHEN {t} < 32 THEN substr({cell}, i + 1, {t} + 1) WHEN {t} < 48 THEN lower(hex(substr({cell}, i + 1, {t} - 29))) \
         WHEN {t} < 64 THEN hex(substr({cell}, i + 1, {t} - 45)) \
         WHEN {place} < {MAX_BASE_BYTES} THEN (SELECT substr(b.data, {place} % {ROW_STEP} + 1, {length}) FROM text_base b \
         WHERE b.id = {base} * {ROWS} + {place} / {ROW_STEP}) ELSE substr(o, {MAX_BASE_BYTES} - 1 - {place}, {length}) END AS BLOB) \
         FROM u, text_base z WHERE z.id = 0 AND i <= length({cell})) SELECT CAST(o AS TEXT) FROM u WHERE i > length({cell})) END)",
        "NULL, ".repeat(ARGUMENTS as usize - 1),
        digits(5, 8),
        digits(13, 4),
        digits(17, 4),
        digits(21, 4),
        digits(25, 12),
    )
}

/// A view's SQL with the name of the column for each [`unpack`]: what is left is as simple as the SQL of any view.
pub(in crate::store) fn without_unpack(sql: &str) -> String {
    let begin = format!("coalesce({FUNCTION}({}", "NULL, ".repeat(ARGUMENTS as usize - 1));
    let mut out = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find(&begin) {
        let (before, found) = rest.split_at(at);
        let digits = found[begin.len()..].strip_prefix('c').map_or(0, |name| name.bytes().take_while(u8::is_ascii_digit).count());
        let cell = &found[begin.len()..][..digits + usize::from(digits > 0)];
        out.push_str(before);
        // To the letter: whatever else begins so is judged as any SQL.
        match found.strip_prefix(unpack(cell).as_str()).filter(|_| digits > 0) {
            Some(after) => {
                out.push_str(cell);
                rest = after;
            }
            None => {
                out.push_str(&begin);
                rest = &found[begin.len()..];
            }
        }
    }
    out.push_str(rest);
    out
}

//! SQL functions that the store registers: what the SQL of a hunt needs and SQLite does not have.
//!
//! All names begin with `retro_` (and `regexp`, which makes the REGEXP operator work). All are deterministic and
//! innocuous: they read their arguments and nothing else. A multivalue is a BLOB between functions, see [`value`]; no
//! log field is ever a BLOB otherwise. Tests are 1 or 0, and NULL where the value is missing.

mod aggregate;
mod digest;
mod eval;
mod test;
#[cfg(test)]
mod tests;
mod time;
mod value;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Output, ValueRef};

#[cfg(test)]
use eval::substr as eval_substr;

use crate::event::fold_into;
use crate::plan::{FieldFunction, is_filled};
use value::{Value, list, number, truth};

/// Most event ids that one row of a hunt carries; the count beside them is exact.
const IDS_MAX: usize = 1_000;

const FLAGS: FunctionFlags = FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DETERMINISTIC).union(FunctionFlags::SQLITE_INNOCUOUS);

/// What a scalar function is.
type Scalar = fn(&Context<'_>) -> rusqlite::Result<Output>;

/// Registers every function on a connection.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    const ANY_NUMBER: i32 = -1;
    let scalars: &[(&str, i32, Scalar)] = &[
        ("retro_add", 2, add),
        ("retro_cidr", 3, test::cidr),
        ("retro_compare", 3, compare),
        ("retro_compare_fields", 5, test::compare_fields),
        ("retro_date_part", 5, test::date_part),
        ("retro_eval", ANY_NUMBER, eval::call),
        ("retro_event", 1, |c| Ok(c.get::<Option<i64>>(0)?.map_or(Output::Null, |id| Output::Blob(id.to_be_bytes().to_vec())))),
        ("retro_field", ANY_NUMBER, field),
        ("retro_fold", 1, |c| Ok(Value::at(c, 0)?.map_members(|m| Some(folded(m))))),
        ("retro_glob", 4, test::glob),
        ("retro_is_filled", 1, |c| Ok(Value::at(c, 0)?.members().map_or(Output::Null, |m| truth(m.iter().any(|m| is_filled(m)))))),
        ("retro_members", 1, |c| {
            Ok(Value::at(c, 0)?.members().map_or(Output::Null, |m| Output::Text(serde_json::Value::from(m).to_string())))
        }),
        ("retro_modulo", 2, modulo),
        ("retro_number", 4, test::number_order),
        ("retro_regexp", 3, test::regexp),
        ("retro_text", 2, text),
        ("retro_strftime", 2, time::strftime_function),
        ("retro_text_order", 4, test::text_order),
        ("retro_to_number", 1, |c| Ok(Value::at(c, 0)?.number().map_or(Output::Null, number))),
        ("retro_to_text", 1, |c| Ok(Value::at(c, 0)?.text().map_or(Output::Null, Output::Text))),
        ("retro_value_hash", 1, |c| {
            Ok(Value::at(c, 0)?.text().map_or(Output::Null, |t| Output::Integer(super::dictionary::hash64(t.as_bytes(), 0).cast_signed())))
        }),
        ("regexp", 2, test::regexp_operator),
    ];
    for (name, arguments, function) in scalars {
        let function = *function;
        connection.create_scalar_function(*name, *arguments, FLAGS, move |context| function(context))?;
    }
    aggregate::register(connection)
}

/// `retro_text(data, number)`: one rendered text of a row of `message_block`.
fn text(context: &Context<'_>) -> rusqlite::Result<Output> {
    let (ValueRef::Blob(data), ValueRef::Integer(number)) = (context.get_raw(0), context.get_raw(1)) else { return Ok(Output::Null) };
    super::messages::text_of(data, number).map(Output::Text).map_err(|e| rusqlite::Error::UserFunctionError(e.into()))
}

fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

/// `retro_compare(op, a, b)`: two numeric sides as numbers, else as text; false where a side is null.
fn compare(context: &Context<'_>) -> rusqlite::Result<Output> {
    let op = test::operator(context, 0)?;
    let (a, b) = (Value::at(context, 1)?, Value::at(context, 2)?);
    if let (Some(a), Some(b)) = (a.number(), b.number()) {
        return Ok(truth(op.holds(a.partial_cmp(&b))));
    }
    let (Some(a), Some(b)) = (a.text(), b.text()) else { return Ok(truth(false)) };
    Ok(truth(op.holds(Some(a.cmp(&b)))))
}

/// `retro_add(a, b)`: numbers are added, two texts joined, anything else is null. Literals are joined elsewhere.
fn add(context: &Context<'_>) -> rusqlite::Result<Output> {
    let (a, b) = (Value::at(context, 0)?, Value::at(context, 1)?);
    Ok(match (a.number(), b.number(), &a, &b) {
        (Some(a), Some(b), ..) => number(a + b),
        (_, _, Value::Text(a), Value::Text(b)) => Output::Text(format!("{a}{b}")),
        _ => Output::Null,
    })
}

/// `retro_modulo(a, b)`: the remainder with the sign of `a`; null by zero.
fn modulo(context: &Context<'_>) -> rusqlite::Result<Output> {
    let (a, b) = (Value::at(context, 0)?.number(), Value::at(context, 1)?.number());
    Ok(match (a, b) {
        (Some(a), Some(b)) if b != 0.0 => number(a % b),
        _ => Output::Null,
    })
}

/// `retro_field(name, value, …)`: a function of the field maps, member by member.
fn field(context: &Context<'_>) -> rusqlite::Result<Output> {
    let name = context.get::<String>(0)?;
    let value = Value::at(context, 1)?;
    let extra = |i: usize| context.get::<String>(i);
    let pairs = |from: usize| -> rusqlite::Result<Vec<(String, String)>> {
        (from..context.len()).step_by(2).take_while(|i| i + 1 < context.len()).map(|i| Ok((extra(i)?, extra(i + 1)?))).collect()
    };
    let function = match name.as_str() {
        "base_name" => FieldFunction::BaseName,
        "without_domain" => FieldFunction::WithoutDomain,
        "lower" => FieldFunction::Lower,
        "hash" => FieldFunction::Hash(extra(2)?),
        "registry_data" => FieldFunction::RegistryData,
        "without_mapped_prefix" => FieldFunction::WithoutMappedPrefix,
        "hex_to_decimal" => FieldFunction::HexToDecimal,
        "translate" => FieldFunction::Translate(pairs(2)?),
        "translate_else" => FieldFunction::TranslateElse(pairs(3)?, extra(2)?),
        "parent" => FieldFunction::Parent,
        "root" => FieldFunction::Root,
        "registry_type" => FieldFunction::RegistryType,
        "first_member" | "last_member" => {
            let members = value.members().unwrap_or_default();
            let end = if name == "first_member" { members.into_iter().next() } else { members.into_iter().next_back() };
            return Ok(end.map_or(Output::Null, Output::Text));
        }
        other => return Err(rusqlite::Error::UserFunctionError(format!("no field function `{other}`").into())),
    };
    let members = value.members().unwrap_or_default();
    Ok(list(members.iter().filter_map(|m| function.apply(m).map(std::borrow::Cow::into_owned)).collect()))
}

//! Names of months.

use std::borrow::Cow;

use crate::digits;

/// Names of months, without anything but ASCII letters: `FÉVR.` is `FVR` in any character set. English comes first.
///
/// Oracle's listener writes them in the language of its `NLS_LANG` (`NLS_DATE_LANGUAGE` in
/// <https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/NLS_DATE_LANGUAGE.html>): English, German, French,
/// Spanish, Italian, Portuguese, Dutch, the Nordic languages, Turkish, Romanian, Hungarian. Source: abbreviations of Unicode
/// CLDR 48, and Oracle's own where they differ (`MRZ`). A language is left out if one of its names is another month in
/// another language (`LIS` is November in Polish and October in Croatian).
const NAMES: [&[&[u8]]; 12] = [
    &[b"JAN", b"JANV", b"ENE", b"GEN", b"OCA", b"IAN", b"TAMMI"],
    &[b"FEB", b"FVR", b"FEVR", b"FEV", b"FEBR", b"UB", b"SUB", b"HELMI"],
    &[b"MAR", b"MARS", b"MRZ", b"MARZ", b"MR", b"MRT", b"MRC", b"MAALIS"],
    &[b"APR", b"AVR", b"ABR", b"NIS", b"PR", b"HUHTI"],
    &[b"MAY", b"MAI", b"MAG", b"MAJ", b"MEI", b"MJ", b"TOUKO"],
    &[b"JUN", b"JUIN", b"JUNI", b"GIU", b"HAZ", b"IUN", b"JN", b"KES"],
    &[b"JUL", b"JUIL", b"JULI", b"LUG", b"TEM", b"IUL", b"JL", b"HEIN"],
    &[b"AUG", b"AOT", b"AOUT", b"AGO", b"AU", b"AGU", b"ELO"],
    &[b"SEP", b"SEPT", b"SET", b"EYL", b"SZEPT", b"SYYS"],
    &[b"OCT", b"OKT", b"OUT", b"OTT", b"EKI", b"LOKA"],
    &[b"NOV", b"NOI", b"KAS", b"MARRAS"],
    &[b"DEC", b"DEZ", b"DIC", b"DC", b"DES", b"ARA", b"JOULU"],
];

/// The month of an English abbreviation: `Jan`. From 1 on. None for `JAN` and `January`.
pub(crate) fn english(name: &[u8]) -> Option<i8> {
    let is_one = |names: &[&[u8]]| names.first().is_some_and(|known| known.eq_ignore_ascii_case(name));
    let capitalized = matches!(name, [b'A'..=b'Z', b'a'..=b'z', b'a'..=b'z']);
    position(is_one).filter(|_| capitalized)
}

/// The month of a name in any of the languages above, or of a number: `1月`, `1월`.
///
/// From 1 on. The character set of the sign behind a number does not matter, nor question marks that a conversion left of
/// it. None for a number alone, and for names that are not in the table: those of Cyrillic or Greek letters have no ASCII at
/// all.
pub(crate) fn in_any_language(name: &[u8]) -> Option<i8> {
    // Nearly all listeners write English.
    usual(name).or_else(|| in_table(name))
}

/// The month of an English name, in either case. None for any other name.
fn usual(name: &[u8]) -> Option<i8> {
    let [a, b, c] = name else { return None };
    match &[a, b, c].map(u8::to_ascii_uppercase) {
        b"JAN" => Some(1),
        b"FEB" => Some(2),
        b"MAR" => Some(3),
        b"APR" => Some(4),
        b"MAY" => Some(5),
        b"JUN" => Some(6),
        b"JUL" => Some(7),
        b"AUG" => Some(8),
        b"SEP" => Some(9),
        b"OCT" => Some(10),
        b"NOV" => Some(11),
        b"DEC" => Some(12),
        _ => None,
    }
}

/// The month of any name in [`NAMES`], or of a number.
fn in_table(name: &[u8]) -> Option<i8> {
    let is_other = |byte: &u8| !byte.is_ascii() || *byte == b'?';
    let name = name.trim_ascii();
    if let Some((number, rest)) = digits::split_number(name) {
        let month = i8::try_from(number).ok().filter(|month| (1..=12).contains(month));
        return month.filter(|_| !rest.is_empty() && rest.iter().all(is_other));
    }
    let letters: Cow<'_, [u8]> = if name.iter().all(u8::is_ascii_alphabetic) {
        Cow::Borrowed(name)
    } else {
        let name = name.strip_suffix(b".").unwrap_or(name);
        Cow::Owned(name.iter().copied().filter(|byte| !is_other(byte)).collect())
    };
    position(|names| names.iter().any(|known| known.eq_ignore_ascii_case(&letters)))
}

/// The number of the first month with such names, from 1 on. None if no month has them.
fn position(is_one: impl Fn(&[&[u8]]) -> bool) -> Option<i8> {
    i8::try_from(NAMES.iter().position(|names| is_one(names))? + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_names_or_numbers() {
        for (name, month) in [("FÉVR.", 2), ("AOÛT ", 8), ("DÉC. ", 12), ("MÄR", 3), ("10月", 10), ("12월", 12)] {
            assert_eq!(in_any_language(name.as_bytes()), Some(month), "{name}");
        }
        for latin1 in [&b"F\xc9VR."[..], b"f\xe9vr."] {
            assert_eq!(in_any_language(latin1), Some(2));
        }
        assert_eq!(in_any_language(b"1\xd4\xc2 "), Some(1), "GBK");
        for name in ["LIS", "13月", "0月", "1", "", "ЯНВ", "NOVX"] {
            assert_eq!(in_any_language(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn usual_months_are_those_of_the_table() {
        let names = NAMES.iter().flat_map(|names| names.iter());
        for name in names {
            for name in [name.to_vec(), name.to_ascii_lowercase()] {
                assert!(usual(&name).is_none_or(|month| in_table(&name) == Some(month)), "{}", name.escape_ascii());
            }
        }
        let english = NAMES.iter().filter_map(|names| names.first());
        assert!(english.zip(1..).all(|(name, month)| usual(name) == Some(month)), "all twelve");
    }

    #[test]
    fn english_months_are_capitalized() {
        assert_eq!((english(b"Jan"), english(b"Dec")), (Some(1), Some(12)));
        for name in ["JAN", "jan", "Janv", "Ene", ""] {
            assert_eq!(english(name.as_bytes()), None, "{name}");
        }
    }
}

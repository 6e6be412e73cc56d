/// Longest part of a client's value that a message repeats, in characters: enough to recognise it by.
const EXCERPT_CHARACTERS_MAX: usize = 64;

/// The beginning of `text`, fit for a message: a cut is marked `…`, and what would break or hide the line it is
/// printed on is written as an escape.
pub(super) fn excerpt(text: &str) -> String {
    let mut excerpt = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == EXCERPT_CHARACTERS_MAX {
            excerpt.push('…');
            break;
        }
        if character.is_control() || is_invisible(character) {
            excerpt.extend(character.escape_default());
        } else {
            excerpt.push(character);
        }
    }
    excerpt
}

/// Line and paragraph separators, zero-width characters, and marks that turn the direction of the text around them.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_marked() {
        let just = "x".repeat(EXCERPT_CHARACTERS_MAX);
        assert_eq!(excerpt(&just), just);
        assert_eq!(excerpt(&format!("{just}y")), format!("{just}…"));
        assert_eq!(excerpt(""), "");
    }
}

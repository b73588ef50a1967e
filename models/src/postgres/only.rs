//! `ONLY` before the name of a table, which the parser does not know: it reads `ONLY t` as a table called ONLY with the
//! alias t, and a schema's name there as a mistake. So the word is taken out before, and the name marked.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace, Word};

/// What marks a name: no name of the server's begins so.
const MARK: char = '\0';

/// Takes `ONLY` out where rows are looked for, and marks the table's name in its place.
pub fn mark(tokens: &mut [TokenWithSpan]) {
    let places: Vec<usize> =
        (0..tokens.len()).filter(|at| !matches!(tokens[*at].token, Token::Whitespace(_) | Token::EOF)).collect();
    let is = |token: &Token, keyword| matches!(token, Token::Word(word) if word.keyword == keyword);
    for at in 0..places.len().saturating_sub(2) {
        let before = &tokens[places[at]].token;
        let looks = [Keyword::FROM, Keyword::UPDATE].into_iter().any(|keyword| is(before, keyword));
        if !looks || !is(&tokens[places[at + 1]].token, Keyword::ONLY) {
            continue;
        }
        let mut named = at + 2;
        while places.get(named + 2).is_some_and(|_| tokens[places[named + 1]].token == Token::Period) {
            named += 2;
        }
        let Token::Word(word) = &mut tokens[places[named]].token else { continue };
        if word.keyword == Keyword::ONLY {
            continue;
        }
        let name = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_ascii_lowercase() };
        *word = Word { value: format!("{MARK}{name}"), quote_style: Some('"'), keyword: Keyword::NoKeyword };
        tokens[places[at + 1]].token = Token::Whitespace(Whitespace::Space);
    }
}

/// A name without its mark, if it has one.
pub fn marked(name: &str) -> Option<&str> {
    name.strip_prefix(MARK)
}

use serde_json::Value;

/// A column: its heading, and the field it shows.
pub type Column<'a> = (&'a str, &'a str);

/// Objects as text: a line each under a line of headings, columns as wide as they must be.
pub fn table(columns: &[Column<'_>], objects: &[Value]) -> String {
    let headings = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    let rows = objects.iter().map(|object| columns.iter().map(|(_, field)| shown(&object[*field])).collect());
    let lines: Vec<Vec<String>> = std::iter::once(headings).chain(rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<_> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A value in a cell: a list without its brackets, and a dash for nothing.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let objects = [
            json!({"name": "é", "list": ["a", "b"], "limit": null}),
            json!({"name": "longer", "list": [], "limit": 5}),
        ];
        let columns = [("name", "name"), ("list", "list"), ("limit", "limit")];
        assert_eq!(table(&columns, &objects), "name    list  limit\né       a, b  -\nlonger  -     5\n");
        assert_eq!(table(&columns, &[]), "name  list  limit\n");
    }
}

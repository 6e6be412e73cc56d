/// Longest name of a workspace, an app or a key.
const NAME_BYTES_MAX: usize = 255;

/// Whether a text can be a name, or why not.
pub fn check_name(text: &str) -> Result<(), String> {
    match text {
        "" => Err("a name cannot be empty".to_owned()),
        _ if text.len() > NAME_BYTES_MAX => Err(format!("a name has at most {NAME_BYTES_MAX} bytes")),
        _ if text.chars().any(char::is_control) => Err("a name cannot have control characters".to_owned()),
        _ => Ok(()),
    }
}

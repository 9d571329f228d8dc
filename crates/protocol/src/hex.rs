//! Hexadecimal digits, without the formatting machinery: a stamp is written with every field.

/// Appends the last so many lower-case digits of a number.
pub fn push_hex(text: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = (number >> (4 * place)) as usize & 0xf;
        text.push(char::from(b"0123456789abcdef"[digit]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_writes_what_the_standard_library_writes() {
        for number in [0, 1, 0xf, 0x10, 0xabc, 0x0123_4567_89ab_cdef, u64::MAX] {
            let mut text = String::new();
            push_hex(&mut text, number, 16);
            assert_eq!(text, format!("{number:016x}"));
            push_hex(&mut text, number, 4);
            assert_eq!(text[16..], format!("{:04x}", number & 0xffff));
        }
    }
}

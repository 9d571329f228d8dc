//! Texts: the differences of two texts from a third, both made (Eugene Myers, "An O(ND) Difference Algorithm", 1986).

/// Differences that are looked for, at most: what is remembered of the search grows with their square, here to 4 MB.
const DIFFERENCES_MAX: usize = 1_000;

/// Steps of a search, at most: some hundredths of a second.
const STEPS_MAX: usize = 4_000_000;

/// A part of one text that is another in the other text.
#[derive(Clone, Copy)]
struct Hunk<'t> {
    from: usize,
    to: usize,
    text: &'t [char],
}

/// `before` with what was typed and deleted in `theirs` and in `mine`; at one place theirs comes first. What both made alike is there once.
pub(super) fn merge(before: &str, mine: &str, theirs: &str) -> String {
    if mine == theirs {
        return theirs.to_owned();
    }
    let [before, mine, theirs] = [before, mine, theirs].map(|text| text.chars().collect::<Vec<char>>());
    let mut sides = [hunks(&before, &theirs).into_iter().peekable(), hunks(&before, &mine).into_iter().peekable()];
    let mut merged = String::new();
    let mut gone_up_to = 0;
    for at in 0..=before.len() {
        for side in &mut sides {
            if let Some(hunk) = side.next_if(|hunk| hunk.from == at) {
                merged.extend(hunk.text);
                gone_up_to = gone_up_to.max(hunk.to);
            }
        }
        merged.extend(before.get(at).filter(|_| at >= gone_up_to));
    }
    merged
}

/// What makes `after` of `before`, in order, with something that stays between each two.
fn hunks<'t>(before: &[char], after: &'t [char]) -> Vec<Hunk<'t>> {
    let start = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let rest = (&before[start..], &after[start..]);
    let same = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(one, other)| one == other).count();
    let (width, height) = (rest.0.len() - same, rest.1.len() - same);
    let mut kept = kept(&rest.0[..width], &rest.1[..height]).unwrap_or_default();
    kept.push((width, height));
    let mut hunks: Vec<Hunk<'t>> = Vec::new();
    let (mut from, mut typed) = (start, start);
    for (to, until) in kept.into_iter().map(|(to, until)| (start + to, start + until)) {
        if to > from || until > typed {
            let first = hunks.last().map_or(0, |last| last.to + 1);
            let by = to_a_word(before, after, (from, to), (typed, until), first);
            hunks.push(Hunk { from: from - by, to: to - by, text: &after[typed - by..until - by] });
        }
        (from, typed) = (to + 1, until + 1);
    }
    hunks
}

/// How far what is only typed or only deleted lies left of where it was found, so that it begins with a word: of "one two three"
/// without "two " the letters tell as well that "wo t" is gone, and another's change of "three" would meet it.
fn to_a_word(
    before: &[char],
    after: &[char],
    (from, to): (usize, usize),
    (typed, until): (usize, usize),
    first: usize,
) -> usize {
    if to > from && until > typed {
        return 0;
    }
    let last = |by: usize| if to > from { before[to - by - 1] } else { after[until - by - 1] };
    for by in 0..=from - first {
        match (from - by).checked_sub(1).map(|at| before[at]) {
            None | Some(' ' | '\n') => return by,
            Some(letter) if letter != last(by) => return 0,
            Some(_) => {}
        }
    }
    0
}

/// The places of what stays, in both; `None` where that would take too long to find.
fn kept(before: &[char], after: &[char]) -> Option<Vec<(usize, usize)>> {
    let (width, height) = (before.len(), after.len());
    let middle = DIFFERENCES_MAX.min(width + height) + 1;
    // By diagonal (that of the start is `middle`): how far into `before` the differences so far lead.
    let mut furthest = vec![0_usize; 2 * middle + 1];
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut steps = 0;
    for differences in 0..middle {
        for diagonal in (middle - differences..=middle + differences).step_by(2) {
            let mut x = if differences == 0 { 0 } else { entered(&furthest, diagonal, differences, middle).1 };
            while let (Some(one), Some(other)) = (before.get(x), after.get(x + middle - diagonal))
                && one == other
            {
                (x, steps) = (x + 1, steps + 1);
            }
            furthest[diagonal] = x;
            if x >= width && x + middle - diagonal >= height {
                return Some(walked_back(&rounds, (diagonal, x), middle));
            }
        }
        steps += differences;
        if steps > STEPS_MAX {
            return None;
        }
        rounds.push(furthest[middle - differences..=middle + differences].to_vec());
    }
    None
}

/// From which diagonal another is entered with so many differences, and at which place in `before`.
fn entered(furthest: &[usize], diagonal: usize, differences: usize, middle: usize) -> (usize, usize) {
    let (low, high) = (middle - differences, middle + differences);
    let is_typed = diagonal == low || diagonal != high && furthest[diagonal - 1] < furthest[diagonal + 1];
    if is_typed { (diagonal + 1, furthest[diagonal + 1]) } else { (diagonal - 1, furthest[diagonal - 1] + 1) }
}

/// The places of what stays on the way to a place on a diagonal.
fn walked_back(rounds: &[Vec<usize>], (mut diagonal, mut x): (usize, usize), middle: usize) -> Vec<(usize, usize)> {
    let mut kept = Vec::new();
    let mut furthest = vec![0; 2 * middle + 1];
    for differences in (1..=rounds.len()).rev() {
        furthest[middle + 1 - differences..middle + differences].copy_from_slice(&rounds[differences - 1]);
        let (from, start) = entered(&furthest, diagonal, differences, middle);
        kept.extend((start..x).rev().map(|x| (x, x + middle - diagonal)));
        (diagonal, x) = (from, furthest[from]);
    }
    kept.extend((0..x).rev().map(|x| (x, x)));
    kept.reverse();
    kept
}

//! Small files that want to be large: bombs of every kind of compression, archives that lie about their sizes, records
//! with more members than anybody has.

use std::io::Write as _;

use super::{Hostile, Told};
use crate::support::encode::binary_xml::crc32;
use crate::support::samples::{gzip, marked_as_encrypted, security_line, zip};
use crate::support::valid::{bzip2, tar, xz, zstd};

/// Bytes of each part of a bomb.
const PART_BYTES: usize = 4 * 1024 * 1024;
/// Parts of a bomb: together more than is free of the limit of the ratio.
const BOMB_PARTS: usize = 17;
/// Members, columns or labels of one record.
const MANY: usize = 101_000;

/// All of them.
pub(super) fn files() -> Vec<Hostile> {
    [compressed(), archives(), behind_and_between(), records()].concat()
}

fn compressed() -> Vec<Hostile> {
    let part = vec![b' '; PART_BYTES];
    // Members one behind the other: compressed once.
    let whole = |part: Vec<u8>| part.repeat(BOMB_PARTS);
    let layers = [("gz", whole(gzip(&part))), ("bz2", whole(bzip2(&part))), ("xz", whole(xz(&part))), ("zst", whole(zstd(&part)))];
    let bomb = |name: String, bytes: Vec<u8>| Hostile::new(name, bytes, 1, 0..=0, Told::Loss);
    let mut out: Vec<Hostile> = layers[1..].iter().map(|(name, bytes)| bomb(format!("bomb.{name}"), bytes.clone())).collect();
    out.extend(layers.iter().map(|(name, bytes)| bomb(format!("bomb.{name}.gz"), gzip(bytes))));
    out.push(bomb("bomb-zst.zip".to_owned(), zip(&[("bomb", &layers[3].1)])));
    out.push(bomb("bomb-gz.tar.bz2".to_owned(), bzip2(&tar(&[("bomb", &layers[0].1)]))));
    out.push(bomb("bomb-xz.tar.zst".to_owned(), zstd(&tar(&[("bomb", &layers[2].1)]))));
    let mut deep = security_line(1, 7200, "").into_bytes();
    for _ in 0..20 {
        deep = gzip(&deep);
    }
    out.push(bomb("twenty-layers.gz".to_owned(), deep));
    // Windows that would need more memory than anybody has: 2 GiB of zstandard, 4 GiB of xz.
    out.push(bomb("window.zst".to_owned(), [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8][..], &[0x01, 0, 0], &[b'x'; 64]].concat()));
    out.push(bomb("dictionary.xz".to_owned(), xz_with_dictionary(40)));
    out
}

/// An xz stream that asks for another dictionary; its block header's checksum is made right.
fn xz_with_dictionary(size: u8) -> Vec<u8> {
    let mut bytes = xz(security_line(2, 7200, "").as_bytes());
    let header = usize::from(bytes[12]) * 4; // the block's header without its checksum
    let filter = bytes[12..12 + header].windows(2).position(|pair| pair == [0x21, 0x01]).expect("a filter LZMA2");
    bytes[12 + filter + 2] = size;
    let crc = crc32(&bytes[12..12 + header]);
    bytes[12 + header..16 + header].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn archives() -> Vec<Hostile> {
    let line = security_line(3, 7200, "");
    let whole = zip(&[("one.jsonl", line.as_bytes())]);
    let bomb = |name: &str, bytes: Vec<u8>| Hostile::new(name, bytes, 1, 0..=1, Told::LossIfFewer);
    let mut lying = whole.clone();
    let central = memchr::memmem::rfind(&lying, b"PK\x01\x02").expect("a central directory");
    lying[central + 24..central + 28].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut small = whole.clone();
    small[central + 24..central + 28].copy_from_slice(&1_u32.to_le_bytes());
    let mut many = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for n in 0..1_000 {
        many.start_file(format!("{n}"), zip::write::SimpleFileOptions::default()).expect("memory");
    }
    many.write_all(line.replace("\"RecordNumber\":3", "\"RecordNumber\":4").as_bytes()).expect("memory");
    let mut nested = zip(&[("x.jsonl", security_line(5, 7200, "").as_bytes())]);
    for _ in 0..12 {
        nested = zip(&[("inner.zip", &nested)]);
    }
    vec![
        bomb("says-4-gib.zip", lying),
        bomb("says-1-byte.zip", small),
        bomb("overlap.zip", overlapping()),
        bomb("many.zip", many.finish().expect("memory").into_inner()),
        bomb("locked.zip", marked_as_encrypted(whole.clone())),
        bomb("twelve-deep.zip", nested),
        bomb("end-only.zip", b"PK\x05\x06".to_vec()),
        bomb("front-only.zip", whole[..40].to_vec()),
        bomb("long-name.tar.zst", zstd(&long_name_tar(b'L'))),
        bomb("long-pax.tar.zst", zstd(&long_name_tar(b'x'))),
        bomb("says-8-gib.tar", says_8_gib()),
    ]
}

/// A zip whose central directory names one large member again and again.
fn overlapping() -> Vec<u8> {
    let mut plain = vec![b' '; 4 * 1024 * 1024];
    plain.extend_from_slice(security_line(6, 7200, "").as_bytes());
    let whole = zip(&[("m", &plain)]);
    let central = memchr::memmem::rfind(&whole, b"PK\x01\x02").expect("a central directory");
    let end = memchr::memmem::rfind(&whole, b"PK\x05\x06").expect("its end");
    let entry = &whole[central..end];
    let (count, size) = (200_u16, u32::try_from(entry.len() * 200).expect("small"));
    let mut tail = whole[end..].to_vec();
    tail[8..10].copy_from_slice(&count.to_le_bytes());
    tail[10..12].copy_from_slice(&count.to_le_bytes());
    tail[12..16].copy_from_slice(&size.to_le_bytes());
    [&whole[..central], &entry.repeat(200), &tail].concat()
}

/// A tar archive with a member's name of a gigabyte, of which a part is there.
fn long_name_tar(kind: u8) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(1 << 30);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_path("././@LongLink").expect("a short path");
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(72 * 1024 * 1024, b'a');
    bytes
}

fn says_8_gib() -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(8 << 30);
    header.set_path("large").expect("a short path");
    header.set_cksum();
    [header.as_bytes(), security_line(7, 7200, "").as_bytes()].concat()
}

/// Bytes where none belong: behind every container, and between the members of a stream.
fn behind_and_between() -> Vec<Hostile> {
    let line = |record| security_line(record, 7201, "");
    let stray = |name: &str, first: Vec<u8>, second: Vec<u8>, told| Hostile::new(name, [first, second].concat(), 1, 1..=1, told);
    vec![
        stray("stray.gz", gzip(line(1).as_bytes()), b"stray".to_vec(), Told::Loss),
        stray("stray.bz2", bzip2(line(2).as_bytes()), b"stray".to_vec(), Told::Loss),
        stray("stray.xz", xz(line(3).as_bytes()), b"stray bytes".to_vec(), Told::Loss),
        stray("stray.zst", zstd(line(4).as_bytes()), b"stray".to_vec(), Told::Loss),
        stray("stray.tar", tar(&[("a", line(5).as_bytes())]), b"stray".to_vec(), Told::Free),
        stray("stray.zip", zip(&[("a", line(6).as_bytes())]), b"stray".to_vec(), Told::Free),
        stray("padded.gz", gzip(line(7).as_bytes()), vec![0; 100_000], Told::Bad(0)),
        stray("cut-in-the-second.gz", gzip(line(8).as_bytes()), gzip(line(9).as_bytes())[..20].to_vec(), Told::Loss),
        stray("other-second.gz", gzip(line(10).as_bytes()), xz(line(11).as_bytes()), Told::Loss),
    ]
}

/// Records with too much in them.
fn records() -> Vec<Hostile> {
    let members: String = (0..MANY).map(|n| format!(",\"m{n}\":{n}")).collect();
    let list = format!(",\"List\":[{}1]", "1,".repeat(MANY));
    let columns: String = (0..MANY / 10).map(|n| format!(",c{n}")).collect();
    let entities: String = (1..20).map(|n| format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10))).collect();
    let event = "<Event><System><EventID>7202</EventID></System><EventData><Data Name='a'>&e19;</Data></EventData></Event>";
    let data: String = (0..MANY).map(|n| format!("<Data Name='d{n}'>x</Data>")).collect();
    let labels: String = (0..MANY).map(|n| format!("\tLabel{n}:\tx\n")).collect();
    let one = |name: &str, bytes: String, told| Hostile::new(name, bytes, 1, 0..=1, told);
    vec![
        one("members.jsonl", security_line(1, 7202, &members), Told::Loss),
        one("list.jsonl", security_line(2, 7202, &list), Told::Free),
        one("columns.csv", format!("EventID,Channel{columns}\n7202,columns{columns}\n"), Told::LossIfFewer),
        one("laughs.xml", format!("<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e0 \"ha\">{entities}]>{event}"), Told::Free),
        one("data.xml", event.replace("<Data Name='a'>&e19;</Data>", &data), Told::Loss),
        one("labels.log", format!("07/20/2022 06:33:56 PM\nLogName=Security\nEventCode=7202\nMessage=A.\n{labels}"), Told::LossIfFewer),
        Hostile::new(
            "fields.jsonl",
            (0..2_000).map(|n| format!("{{\"Channel\":\"fields\",\"EventID\":7203,\"f{n}\":1}}\n")).collect::<String>(),
            2_000,
            2_000..=2_000,
            Told::Free,
        ),
    ]
}

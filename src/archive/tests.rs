//! Containers over small inputs: nesting, damage, bombs.

use std::io::{Cursor, Write};

use super::*;

/// What a walk over one file comes upon: path and content, or `skipped`/`failed` and the reason.
fn found(name: &str, content: &[u8], limits: &Limits) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("a file");
    walked(&path, limits)
}

fn walked(path: &Path, limits: &Limits) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let prefix = format!("{}/", path.parent().expect("a folder").display());
    let short = |path: String| path.strip_prefix(&prefix).unwrap_or(&path).to_owned();
    walk(&[path.to_owned()], limits, &mut |found| {
        all.push(match found {
            Walked::Leaf(leaf) => {
                let mut bytes = Vec::new();
                let end = leaf.reader.read_to_end(&mut bytes);
                let text = if bytes.len() > 100 { format!("{} bytes", bytes.len()) } else { String::from_utf8_lossy(&bytes).into_owned() };
                (short(leaf.path), end.map_or_else(|error| format!("{text}, then {error}"), |_| text.clone()))
            }
            Walked::Skipped { path, reason } => (short(path), format!("skipped: {reason}")),
            Walked::Failed { path, error } => (short(path), format!("failed: {error}")),
            Walked::File(_) | Walked::FileEnd => return ControlFlow::Continue(()),
        });
        ControlFlow::Continue(())
    });
    all
}

fn of(name: &str, content: &[u8]) -> Vec<(String, String)> {
    found(name, content, &Limits::default())
}

fn pair(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, ::zip::write::SimpleFileOptions::default()).expect("memory");
        writer.write_all(content).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

fn tarred(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).expect("memory");
    }
    builder.into_inner().expect("memory")
}

/// A zip of one member, stored, with another method in its headers.
fn zipped_as(method: u16, packed: &[u8]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = ::zip::write::SimpleFileOptions::default().compression_method(::zip::CompressionMethod::Stored);
    writer.start_file("a", stored).expect("memory");
    writer.write_all(packed).expect("memory");
    let mut bytes = writer.finish().expect("memory").into_inner();
    let central = memchr::memmem::rfind(&bytes, b"PK\x01\x02").expect("a central directory");
    bytes[8..10].copy_from_slice(&method.to_le_bytes());
    bytes[central + 10..central + 12].copy_from_slice(&method.to_le_bytes());
    bytes
}

#[test]
fn members_of_zips_may_be_bzip2_xz_or_zstandard() {
    let mut bzip2 = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::default());
    bzip2.write_all(b"text").expect("memory");
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).expect("options");
    xz.write_all(b"text").expect("memory");
    let streams = [
        (12, bzip2.finish().expect("memory")),
        (95, xz.finish().expect("memory")),
        (93, ::zstd::encode_all(&b"text"[..], 1).expect("memory")),
    ];
    for (method, stream) in streams {
        assert_eq!(of("z.zip", &zipped_as(method, &stream)), [pair("z.zip!/a", "text")], "{method}");
        let cut = of("z.zip", &zipped_as(method, &stream[..stream.len() / 2]));
        assert!(cut.len() == 1 && cut[0].1.contains("failed"), "{cut:?}");
    }
    let bomb = ::zstd::encode_all(std::io::repeat(b' ').take(80 << 20), 1).expect("memory");
    let found = of("z.zip", &zipped_as(93, &bomb));
    assert!(found[0].1.contains("decompression bomb"), "{found:?}");
    assert!(of("z.zip", &zipped_as(98, b"x"))[0].1.starts_with("failed: "), "others are refused");
}

#[test]
fn what_stands_behind_the_end_of_a_tar_is_read_or_told() {
    let (one, two) = (tarred(&[("a", b"1"), ("b", b"2")]), tarred(&[("c", b"3")]));
    let all = [pair("t.tar!/a", "1"), pair("t.tar!/b", "2"), pair("t.tar!/c", "3")];
    assert_eq!(of("t.tar", &[&one[..], &two].concat()), all);
    assert_eq!(of("t.tar", &[&one[..], &vec![0; 9 << 20], &two].concat()), all, "padding has no limit");
    let mut lost = one.clone();
    lost[1024..1536].fill(0);
    let found = of("t.tar", &lost);
    assert!(found[0] == pair("t.tar!/a", "1") && found[1].1.starts_with("failed: the tar archive is damaged"), "{found:?}");
}

#[test]
fn the_attributes_of_a_tar_member_count_before_its_header() {
    let content = vec![b'x'; 70 << 20];
    let mut builder = ::tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("size", content.len().to_string().as_bytes())]).expect("memory");
    let mut header = ::tar::Header::new_ustar();
    header.set_path("large").expect("a short path");
    header.set_size(0);
    header.set_cksum();
    let mut bytes = builder.into_inner().expect("memory");
    bytes.truncate(1024); // without the end of the archive
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&content);
    assert_eq!(of("t.tar", &bytes), [pair("t.tar!/large", &format!("{} bytes", content.len()))]);
}

#[test]
fn containers_are_told_by_content_and_nested_in_any_way() {
    let zstd = zstd::encode_all(&b"inner"[..], 3).expect("memory");
    assert_eq!(of("a.bin", &zstd), [pair("a.bin", "inner")]);
    assert_eq!(of("a.txt", &gz(&gz(b"inner"))), [pair("a.txt", "inner")]);
    let inner = zipped(&[("x\\y.json", b"one"), ("z.json", b"two")]);
    let tar = tarred(&[("deep/inner.zip", &inner), ("plain", b"three")]);
    let outer = zipped(&[("t.tar.gz", &gz(&tar))]);
    assert_eq!(of("a.Zip", &zipped(&[("f\\g.json", &xz(&bz2(b"inner")))])), [pair("a.Zip!/f/g.json", "inner")]);
    let expected = [
        pair("a.zip!/t.tar.gz!/deep/inner.zip!/x/y.json", "one"),
        pair("a.zip!/t.tar.gz!/deep/inner.zip!/z.json", "two"),
        pair("a.zip!/t.tar.gz!/plain", "three"),
    ];
    assert_eq!(of("a.zip", &outer), expected);
}

fn bz2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

fn xz(content: &[u8]) -> Vec<u8> {
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).expect("memory");
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn every_codec_has_members_padding_and_stray_bytes() {
    let zst = |content: &[u8]| zstd::encode_all(content, 3).expect("memory");
    let line = b"{\"a\":1}\n".repeat(50_000);
    for (codec, encode) in [("gzip", &gz as &dyn Fn(&[u8]) -> Vec<u8>), ("bzip2", &bz2), ("xz", &xz), ("zstd", &zst)] {
        let two = [encode(b"one "), encode(b"two")].concat();
        assert_eq!(of("a", &two), [pair("a", "one two")], "{codec}");
        let padded = [&encode(b"one ")[..], &[0; 8], &encode(b"two"), b"\n"].concat();
        assert_eq!(of("a", &padded), [pair("a", "one two")], "{codec}");
        let stray = format!("failed: skipped the bytes from offset {} on: they follow the end of the {codec} stream", two.len() + 1);
        assert_eq!(of("a", &[&two[..], b"\nlost"].concat()), [pair("a", "one two"), pair("a", &stray)], "{codec}");
        let whole = encode(&line);
        assert_eq!(of("a", &whole), [pair("a", "400000 bytes")], "{codec}");
        let cut = of("a", &whole[..whole.len() - 12]);
        assert!(cut.len() == 1 && (cut[0].1.contains("then ") || cut[0].1.starts_with("failed: ")), "{codec}: {cut:?}");
        for at in 0..whole.len().min(300) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            assert!(!of("a", &damaged).is_empty(), "{codec}: byte {at}");
        }
        let limits = Limits { max_bytes: 1 << 16, ..Limits::default() };
        assert!(found("a", &whole, &limits)[0].1.contains("65536 bytes (option `max_bytes`)"), "{codec}");
    }
    assert_eq!(of("a", b"BZh9 is how bzip2 begins"), [pair("a", "BZh9 is how bzip2 begins")]);
}

#[test]
fn gzip_members_padding_and_stray_bytes() {
    let two = [gz(b"one "), gz(b"two")].concat();
    assert_eq!(of("a.gz", &two), [pair("a.gz", "one two")]);
    assert_eq!(of("a.gz", &[&two[..], b"\n \0\0"].concat()), [pair("a.gz", "one two")]);
    let stray = format!("failed: skipped the bytes from offset {} on: they follow the end of the gzip stream", two.len() + 1);
    assert_eq!(of("a.gz", &[&two[..], b"\nlost"].concat()), [pair("a.gz", "one two"), pair("a.gz", &stray)]);
}

#[test]
fn damaged_streams_give_what_they_have_and_say_where_they_end() {
    let line = b"{\"a\":1}\n".repeat(20_000);
    let whole = gz(&line);
    let cut = of("a.gz", &whole[..whole.len() - 12]);
    assert!(cut[0].1.contains(" bytes, then "), "{cut:?}");
    let mut wrong_checksum = gz(b"short");
    let at = wrong_checksum.len() - 8;
    wrong_checksum[at] ^= 1;
    let short = of("a.gz", &wrong_checksum);
    assert!(short[0].1.starts_with("short, then "), "also where all of it fits into the first look: {short:?}");
    let tar = tarred(&[("one", &line), ("two", &line)]);
    let cut = of("a.tar", &tar[..tar.len() / 3]);
    assert!(cut[0].0 == "a.tar!/one" && cut[1].1.contains("the tar archive is damaged"), "{cut:?}");
    let zip = zipped(&[("one", &line)]);
    let cut = of("a.zip", &zip[..zip.len() - 20]);
    assert!(cut[0].1.contains("the zip archive is damaged"), "{cut:?}");
}

#[test]
fn behind_a_damaged_member_the_next_is_read() {
    let mut first = gz(b"one ");
    let at = first.len() - 8;
    first[at] ^= 1;
    let found = of("a.gz", &[&first[..], &gz(b"two")].concat());
    let fault = format!("failed: the gzip member that ends at offset {} is damaged: ", first.len());
    assert_eq!((found.len(), &found[0]), (2, &pair("a.gz", "one two")), "{found:?}");
    assert!(found[1].1.starts_with(&fault), "{found:?}");
    let mut first = bz2(b"one ");
    let at = first.len() - 2;
    first[at] ^= 0x10;
    let found = of("a.bz2", &[&first[..], &bz2(b"two")].concat());
    assert_eq!((found.len(), &found[0]), (2, &pair("a.bz2", "one two")), "{found:?}");
}

/// A member's name in all places that have it.
fn renamed(mut zip: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    for at in 0..zip.len() - from.len() {
        if zip[at..].starts_with(from) {
            zip[at..at + from.len()].copy_from_slice(to);
        }
    }
    zip
}

#[test]
fn zips_tell_what_their_directory_hides() {
    let zip = zipped(&[("one.log", b"first"), ("two.log", b"second")]);
    let hidden = |found: &[(String, String)], text: &str| found.iter().any(|(path, error)| path == "a.zip" && error.contains(text));
    let twins = of("a.zip", &renamed(zip.clone(), b"two.log", b"one.log"));
    assert_eq!(twins, [pair("a.zip!/one.log", "first"), pair("a.zip!/one.log", "second")]);
    let mut uncounted = zip.clone();
    let end = zip.len() - 22;
    uncounted[end + 8..end + 12].copy_from_slice(&[1, 0, 1, 0]);
    let found = of("a.zip", &uncounted);
    assert!(hidden(&found, "skipped 1 member: not listed"), "{found:?}");
    let second = of("a.zip", &[zip.clone(), zip.clone()].concat());
    assert!(second.len() == 3 && hidden(&second, &format!("skipped the first {} bytes", zip.len())), "{second:?}");
}

#[test]
fn any_number_of_members_of_one_name_are_read() {
    let names: Vec<String> = (0..300).map(|n| format!("{n:07}.log")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let mut zip = zipped(&members);
    let directory = memchr::memmem::find(&zip, b"PK\x01\x02").expect("a directory");
    for name in &names {
        // Its content says the name too, and stays.
        let at = directory + memchr::memmem::find(&zip[directory..], name.as_bytes()).expect("its entry");
        zip[at..at + name.len()].copy_from_slice(b"same/of.log");
    }
    let mut found = of("a.zip", &zip);
    assert!(found.iter().all(|(path, _)| path == "a.zip!/same/of.log"), "{found:?}");
    found.sort();
    assert_eq!(found.into_iter().map(|(_, content)| content).collect::<Vec<_>>(), names);
}

#[test]
fn zips_without_a_directory_give_their_members() {
    let zip = zipped(&[("one.log", b"first"), ("b\\two.log", b"second")]);
    for length in [zip.len() - 5, zip.len() - 22] {
        let found = of("a.zip", &zip[..length]);
        assert!(found[0].1.contains("the zip archive is damaged"), "{found:?}");
        assert_eq!(found[1..], [pair("a.zip!/one.log", "first"), pair("a.zip!/b/two.log", "second")]);
    }
}

#[test]
fn forks_of_macos_are_told_by_their_mark() {
    let zip = zipped(&[("__MACOSX/._a.json", b"\x00\x05\x16\x07rest"), ("._b.json", b"{}")]);
    let expected = [pair("a.zip!/__MACOSX/._a.json", "skipped: a resource fork of macOS"), pair("a.zip!/._b.json", "{}")];
    assert_eq!(of("a.zip", &zip), expected);
}

#[test]
fn every_limit_stops_by_its_name() {
    let zeros = vec![0_u8; 1 << 20];
    let limits = Limits { max_bytes: 1 << 16, ..Limits::default() };
    let [(_, text)] = &found("a.gz", &gz(&zeros), &limits)[..] else { panic!("one leaf") };
    assert!(text.contains("then decompresses to more than 65536 bytes"), "{text}");
    let [(_, text)] = &found("a.zip", &zipped(&[("m", &zeros)]), &limits)[..] else { panic!("one leaf") };
    assert!(text.contains("65536 bytes (option `max_bytes`)"), "{text}");
    let limits = Limits { max_depth: 2, ..Limits::default() };
    assert!(found("a.gz", &gz(&gz(&gz(b"x"))), &limits)[0].1.contains("deeper than 2"));
    let limits = Limits { max_spool_bytes: 100, ..Limits::default() };
    assert!(found("a.gz", &gz(&zipped(&[("m", &zeros)])), &limits)[0].1.contains("max_spool_bytes = 100"));
}

#[test]
fn layers_within_the_ratio_do_not_multiply() {
    let limits = Limits { max_ratio: 200, ..Limits::default() };
    let read = |origin| {
        let mut layer = Metered::decoded(&limits, origin, 1 << 40, io::repeat(0).take(120 << 20));
        io::copy(&mut layer, &mut io::sink()).map_err(|error| error.to_string())
    };
    assert_eq!(read(None), Ok(120 << 20), "of its own compressed bytes it gives little");
    assert!(read(Some(Origin::fixed(100))).is_err_and(|error| error.contains("more than 200 times its size")), "of the outermost much");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_where_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success());
    if !made {
        return println!("skipped: mkfifo is not there");
    }
    let writer = std::thread::spawn({
        let path = path.clone();
        move || std::fs::write(path, zipped(&[("m", b"through")])).expect("a pipe")
    });
    assert_eq!(walked(&path, &Limits::default()), [pair("pipe!/m", "through")]);
    writer.join().expect("no panic");
    let in_folder = walked(folder.path(), &Limits::default());
    assert!(in_folder.len() == 1 && in_folder[0].1.starts_with("skipped: neither"), "{in_folder:?}");
}

/// The damage that was told of, and whether the text is there all the same.
fn mended(name: &str, content: &[u8]) -> (bool, bool) {
    let all = of(name, content);
    let told = all.iter().any(|(_, text)| text.contains("failed: its first bytes are damaged"));
    (told, all.iter().any(|(_, text)| text.starts_with("one event")))
}

fn flipped(content: &[u8], at: std::ops::Range<usize>) -> Vec<u8> {
    let mut damaged = content.to_vec();
    damaged[at].iter_mut().for_each(|byte| *byte ^= 0x10);
    damaged
}

#[test]
fn a_container_with_a_damaged_mark_is_read_and_told() {
    let text = b"one event, and more of it that compresses: more of it, more of it, more of it";
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).expect("memory");
    xz.write_all(text).expect("memory");
    let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bz.write_all(text).expect("memory");
    let zst = zstd::encode_all(&text[..], 3).expect("memory");
    let whole = [
        ("a.gz", gz(text), 0..3),
        ("a.xz", xz.finish().expect("memory"), 0..6),
        ("a.bz2", bz.finish().expect("memory"), 0..4),
        ("a.zst", zst, 2..3),
        ("a.zip", zipped(&[("one", text), ("two", b"x")]), 0..4),
        ("a.tar", tarred(&[("one", text)]), 257..262),
    ];
    for (name, content, mark) in whole {
        assert_eq!(mended(name, &content), (false, true), "{name} as it was");
        assert_eq!(mended(name, &flipped(&content, mark.start..mark.start + 1)), (true, true), "{name} with a wrong bit");
        assert_eq!(mended(name, &flipped(&content, mark)), (true, true), "{name} without its mark");
    }
}

#[test]
fn a_zip_archive_with_a_damaged_beginning_gives_the_rest() {
    let whole = zipped(&[("one", b"first"), ("two", b"one event")]);
    let mut damaged = whole.clone();
    damaged[..40].fill(0);
    let all = of("a.zip", &damaged);
    assert!(all.contains(&pair("a.zip!/two", "one event")), "{all:?}");
    assert!(all.iter().any(|(path, text)| path.contains("a.zip") && text.starts_with("failed: ")), "{all:?}");
    let mut cut = flipped(&whole, 0..2);
    cut.truncate(whole.len() - 60); // no directory either
    let all = of("a.zip", &cut);
    assert!(all.contains(&pair("a.zip!/one", "first")) && all.contains(&pair("a.zip!/two", "one event")), "{all:?}");
}

#[test]
fn what_is_not_a_container_is_not_taken_for_one() {
    let program = [b"MZ\x90\0\x03\0\0\0".to_vec(), vec![0; 500], zipped(&[("one", b"one event")])].concat();
    for (name, content) in [("a.exe", program), ("zeros", vec![0; 5_000]), ("ones", vec![1; 5_000]), ("text", b"PK and more\n".repeat(90))]
    {
        assert_eq!(of(name, &content), [pair(name, &format!("{} bytes", content.len()))]);
    }
}

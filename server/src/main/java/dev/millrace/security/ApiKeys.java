package dev.millrace.security;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The keys that callers may show, and whose each is. A file has one {@code NAME KEY} a line; empty
 * lines and those that begin with # don't count. A name may have several keys, so that one can be
 * replaced while both are good. Only the keys' SHA-256 is kept.
 */
public final class ApiKeys {
  private static final Pattern LINE =
      Pattern.compile("([A-Za-z0-9._-]{1,64})[ \\t]+([\\x21-\\x7E]{16,256})");
  private static final long MOST_BYTES = 1 << 20;

  /** A call is compared with each of them. */
  private static final int MOST_KEYS = 1_000;

  private record Key(String name, byte[] digest) {}

  private final List<Key> keys;

  private ApiKeys(List<Key> keys) {
    this.keys = List.copyOf(keys);
  }

  /**
   * @throws IOException if the file can't be read
   * @throws IllegalArgumentException naming the file and the line that is wrong, never a key
   */
  public static ApiKeys read(Path file) throws IOException {
    if (Files.size(file) > MOST_BYTES) {
      throw new IllegalArgumentException(
          "%s: %d bytes; allowed are %d".formatted(file, Files.size(file), MOST_BYTES));
    }
    List<Key> keys = new ArrayList<>();
    int number = 0;
    for (String line : Files.readString(file, StandardCharsets.UTF_8).split("\n", -1)) {
      number++;
      String text = line.strip();
      if (!text.isEmpty() && !text.startsWith("#")) {
        keys.add(key(text, keys, file + ":" + number));
      }
    }
    if (keys.isEmpty()) {
      throw new IllegalArgumentException(file + ": there is no key in it, so nobody could call");
    }
    return new ApiKeys(keys);
  }

  private static Key key(String line, List<Key> before, String where) {
    Matcher matcher = LINE.matcher(line);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          where
              + ": allowed are a name of up to 64 letters, digits, dots, dashes and underscores, a"
              + " space, and a key of 16 to 256 printable ASCII characters without spaces");
    }
    byte[] digest = sha256(matcher.group(2));
    if (before.stream().anyMatch(other -> MessageDigest.isEqual(other.digest(), digest))) {
      throw new IllegalArgumentException(where + ": the same key stands in a line before it");
    }
    if (before.size() == MOST_KEYS) {
      throw new IllegalArgumentException(where + ": more than " + MOST_KEYS + " keys");
    }
    return new Key(matcher.group(1), digest);
  }

  /** Whose key it is, if anybody's; takes as long for any key of its length. */
  public Optional<String> nameOf(String key) {
    byte[] digest = sha256(key);
    Optional<String> name = Optional.empty();
    for (Key known : keys) { // all of them: where the search ends would show in the time
      if (MessageDigest.isEqual(known.digest(), digest)) {
        name = Optional.of(known.name());
      }
    }
    return name;
  }

  private static byte[] sha256(String key) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}

package dev.millrace.catalog;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Fetches a file over HTTP. What has arrived stays in the file when the connection breaks, and the
 * rest is asked for: a few times at once, and by the next call. The file is complete and has the
 * expected size and hash when {@link #fetch} returns.
 */
final class HttpDownload {
  /**
   * @param stall a connection that gives nothing for so long is broken
   * @param attempts in a row that bring nothing before we give up
   * @param pause after an attempt that brought something; doubled by each that doesn't
   */
  record Patience(Duration connect, Duration stall, int attempts, Duration pause) {
    static final Patience USUAL =
        new Patience(Duration.ofSeconds(20), Duration.ofSeconds(30), 5, Duration.ofMillis(500));
  }

  /** A server's answer that asking again won't change. */
  private static class RefusedException extends IOException {
    private static final long serialVersionUID = 1L;

    RefusedException(String message) {
      super(message);
    }
  }

  /** What has arrived isn't the file. */
  private static final class WrongContentException extends RefusedException {
    private static final long serialVersionUID = 1L;

    WrongContentException(String message) {
      super(message);
    }
  }

  private static final Pattern CONTENT_RANGE =
      Pattern.compile("bytes (?:(\\d{1,18})-\\d+|\\*)/(\\d{1,18})");

  /** Hugging Face's header for a large file's SHA-256. */
  private static final String LINKED_ETAG = "x-linked-etag";

  private static final Pattern SHA256 = Pattern.compile("\"?([0-9a-f]{64})\"?");
  private static final int COPIED_AT_ONCE = 1 << 16;

  private final Patience patience;
  private final FetchProgress progress;

  HttpDownload(Patience patience, FetchProgress progress) {
    this.patience = patience;
    this.progress = progress;
  }

  /**
   * @param file where to; it may hold the beginning already
   * @throws IOException saying what went wrong at last
   */
  void fetch(URI uri, Path file, Expected expected) throws IOException, InterruptedException {
    boolean resumed = size(file) > 0;
    try {
      fetchOnce(uri, file, expected);
    } catch (WrongContentException e) {
      Files.deleteIfExists(file);
      if (!resumed) {
        throw e;
      }
      progress.note(
          uri.getHost() + ": resumed, but the file " + e.getMessage() + "; starting over");
      fetchOnce(uri, file, expected);
    }
  }

  private void fetchOnce(URI uri, Path file, Expected expected)
      throws IOException, InterruptedException {
    HttpClient client =
        HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NORMAL) // never from https to http
            .connectTimeout(patience.connect)
            .build();
    Expected found;
    try {
      found = transferWithRetries(client, uri, file, expected);
    } finally {
      client.shutdownNow();
    }
    try {
      found.check(file);
    } catch (IOException e) {
      throw new WrongContentException(Failures.describe(e));
    }
  }

  private Expected transferWithRetries(HttpClient client, URI uri, Path file, Expected expected)
      throws IOException, InterruptedException {
    long furthest = size(file);
    int failures = 0;
    while (true) {
      try {
        return transfer(client, uri, file, expected);
      } catch (RefusedException e) {
        throw e;
      } catch (IOException e) {
        failures = size(file) > furthest ? 0 : failures + 1;
        furthest = Math.max(furthest, size(file));
        if (failures == patience.attempts) {
          throw new IOException(
              "gave up after " + failures + " attempts: " + Failures.describe(e), e);
        }
        Duration pause = patience.pause.multipliedBy(1L << failures);
        progress.note(
            uri.getHost()
                + ": "
                + Failures.describe(e)
                + "; going on in "
                + pause.toMillis()
                + " ms");
        Thread.sleep(pause);
      }
    }
  }

  /** One request for what is missing; what the answer says of the whole file. */
  private Expected transfer(HttpClient client, URI uri, Path file, Expected expected)
      throws IOException, InterruptedException {
    long have = size(file);
    if (expected.bytes().isPresent() && have == expected.bytes().getAsLong()) {
      return expected; // complete already, but unchecked
    }
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri).timeout(patience.stall).header("User-Agent", "millrace");
    if (have > 0) {
      request.header("Range", "bytes=" + have + "-");
    }
    HttpResponse<InputStream> response =
        client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    try (InputStream body = response.body()) {
      Answer answer = read(response, have);
      Expected found = known(expected, response, answer.total);
      if (!answer.complete) {
        if (!expected.hasSize(answer.total)) {
          throw new RefusedException(
              "the server's file has "
                  + answer.total
                  + " bytes, not "
                  + expected.bytes().getAsLong());
        }
        checkRoom(file, answer.total - answer.from);
        copy(body, file, answer);
      }
      return found;
    }
  }

  /**
   * @param from where the body's first byte belongs
   * @param complete nothing is missing
   */
  private record Answer(long from, long total, boolean complete) {}

  private static Answer read(HttpResponse<?> response, long have) throws IOException {
    int status = response.statusCode();
    return switch (status) {
      case 200 -> whole(response);
      case 206 -> rest(contentRange(response), have);
      case 416 -> nothing(contentRange(response), have);
      case 401, 403 ->
          throw new RefusedException(
              "HTTP " + status + ": not public; fetch it yourself and give the file's path");
      case 404 -> throw new RefusedException("HTTP 404: there is no such file");
      case 408, 425, 429 -> throw new IOException("HTTP " + status);
      default ->
          throw status >= 500
              ? new IOException("HTTP " + status)
              : new RefusedException("HTTP " + status);
    };
  }

  private static Answer whole(HttpResponse<?> response) throws IOException {
    OptionalLong length = response.headers().firstValueAsLong("content-length");
    if (length.isEmpty()) {
      throw new RefusedException("the server doesn't say how long the file is");
    }
    return new Answer(0, length.getAsLong(), false);
  }

  private static Answer rest(Matcher range, long have) throws IOException {
    if (range.group(1) == null || Long.parseLong(range.group(1)) != have) {
      throw new IOException("asked for bytes from " + have + ", got " + range.group());
    }
    return new Answer(have, Long.parseLong(range.group(2)), false);
  }

  private static Answer nothing(Matcher range, long have) throws IOException {
    long total = Long.parseLong(range.group(2));
    if (total != have) {
      throw new WrongContentException("has " + have + " bytes, not " + total);
    }
    return new Answer(have, total, true);
  }

  private static Matcher contentRange(HttpResponse<?> response) throws IOException {
    String header = response.headers().firstValue("content-range").orElse("");
    Matcher range = CONTENT_RANGE.matcher(header);
    if (!range.matches()) {
      throw new IOException(
          "HTTP " + response.statusCode() + " with Content-Range \"" + header + "\"");
    }
    return range;
  }

  private static Expected known(Expected expected, HttpResponse<?> response, long total) {
    Optional<String> hash = expected.sha256();
    for (Optional<? extends HttpResponse<?>> each = Optional.of(response);
        hash.isEmpty() && each.isPresent();
        each = each.get().previousResponse()) {
      hash =
          each.get()
              .headers()
              .firstValue(LINKED_ETAG)
              .map(SHA256::matcher)
              .filter(Matcher::matches)
              .map(matcher -> matcher.group(1));
    }
    return new Expected(OptionalLong.of(total), hash);
  }

  private static void checkRoom(Path file, long missing) throws IOException {
    long room = Files.getFileStore(file.toAbsolutePath().getParent()).getUsableSpace();
    if (room < missing) {
      throw new RefusedException(
          "needs "
              + (missing >> 20)
              + " MiB more, "
              + file.getParent()
              + " has "
              + (room >> 20)
              + " MiB left");
    }
  }

  private void copy(InputStream body, Path file, Answer answer) throws IOException {
    StandardOpenOption how =
        answer.from == 0 ? StandardOpenOption.TRUNCATE_EXISTING : StandardOpenOption.APPEND;
    long at = answer.from;
    try (StallGuard guard = new StallGuard(body, patience.stall);
        OutputStream out =
            Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, how)) {
      byte[] buffer = new byte[COPIED_AT_ONCE];
      for (int count; (count = guard.read(buffer)) >= 0; ) {
        at += count;
        if (at > answer.total) {
          throw new RefusedException(
              "the server sends more than the " + answer.total + " bytes it said");
        }
        out.write(buffer, 0, count);
        progress.transferred(file.getFileName().toString(), at, answer.total);
      }
    }
    if (at < answer.total) {
      throw new IOException("broke off after " + at + " of " + answer.total + " bytes");
    }
  }

  private static long size(Path file) throws IOException {
    return Files.exists(file) ? Files.size(file) : 0;
  }
}

package dev.millrace.bench;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import com.google.gson.annotations.SerializedName;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Requests out of a recording: the Azure Public Dataset's CSV (TIMESTAMP, ContextTokens,
 * GeneratedTokens) or Mooncake's lines of JSON (timestamp in ms, input_length, output_length,
 * hash_ids of blocks of 512 tokens).
 */
final class Trace {
  private static final String CSV_HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens";
  private static final int BLOCK_TOKENS = 512;
  private static final Gson GSON = new Gson();

  private final Load.Replay replay;
  private final List<PlannedRequest> requests = new ArrayList<>();
  private @Nullable Duration first; // arrival of the recording's first request

  private Trace(Load.Replay replay) {
    this.replay = replay;
  }

  /**
   * Reads a recording's first requests.
   *
   * @throws IOException naming the line, if it has neither format
   */
  static List<PlannedRequest> read(Load.Replay replay, int most) throws IOException {
    Trace trace = new Trace(replay);
    try (var lines = Files.newBufferedReader(replay.file())) {
      int number = 0;
      for (String line = lines.readLine();
          line != null && trace.requests.size() < most;
          line = lines.readLine()) {
        number++;
        try {
          trace.add(line.strip());
        } catch (IllegalArgumentException | DateTimeParseException | JsonParseException e) {
          throw new IOException(
              "%s, line %d isn't a request of either format: %s"
                  .formatted(replay.file(), number, e.getMessage()),
              e);
        }
      }
    }
    if (trace.requests.isEmpty()) {
      throw new IOException(replay.file() + " has no requests");
    }
    return trace.requests;
  }

  private record MooncakeLine(
      long timestamp,
      @SerializedName("input_length") int inputLength,
      @SerializedName("output_length") int outputLength,
      @SerializedName("hash_ids") @Nullable List<Long> hashIds) {}

  private void add(String line) {
    if (line.isEmpty() || line.equals(CSV_HEADER)) {
      return;
    }
    if (line.startsWith("{")) {
      MooncakeLine request = GSON.fromJson(line, MooncakeLine.class);
      List<Long> prefix = Optional.ofNullable(request.hashIds()).orElse(List.of());
      add(
          Duration.ofMillis(request.timestamp()),
          request.inputLength(),
          request.outputLength(),
          prefix);
      return;
    }
    String[] cells = line.split(",", -1);
    if (cells.length != 3) {
      throw new IllegalArgumentException(cells.length + " cells");
    }
    LocalDateTime at = LocalDateTime.parse(cells[0].replace(' ', 'T'));
    Duration sinceMidnight = Duration.ofNanos(at.toLocalTime().toNanoOfDay());
    add(
        sinceMidnight.plusDays(at.toLocalDate().toEpochDay()),
        Integer.parseInt(cells[1]),
        Integer.parseInt(cells[2]),
        List.of());
  }

  private void add(Duration at, int promptTokens, int maxTokens, List<Long> prefix) {
    if (promptTokens < 0 || maxTokens < 0) {
      throw new IllegalArgumentException("a negative length");
    }
    if (first == null) {
      first = at;
    }
    double nanos = at.minus(first).toNanos() / replay.speed();
    requests.add(
        new PlannedRequest(
            Duration.ofNanos((long) Math.max(0, nanos)),
            scaled(promptTokens),
            scaled(maxTokens),
            prefix,
            scaled(BLOCK_TOKENS)));
  }

  private int scaled(int tokens) {
    return (int) Math.max(1, Math.round(tokens * replay.lengths()));
  }
}

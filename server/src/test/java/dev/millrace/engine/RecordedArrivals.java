package dev.millrace.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The first hour of a trace: Azure's (CSV) or Mooncake's (JSONL). */
final class RecordedArrivals {
  static final int LONGEST = 16_000; // tokens of a request; longer ones are left out

  private static final Duration HOUR = Duration.ofHours(1);
  private static final int SCALE = 16; // Mooncake's lengths are divided by it
  private static final int SHARED = 512 / SCALE; // tokens that one of its hashes stands for

  private RecordedArrivals() {}

  /**
   * @param shared hashes of its first parts; what comes behind is its own
   */
  record Arrival(long nanos, int prompt, int output, long[] shared) {

    Arrival sooner(double speed) {
      return new Arrival((long) (nanos / speed), prompt, output, shared);
    }

    int[] tokens(int index) {
      int[] tokens = new int[prompt];
      for (int i = 0; i < prompt; i++) {
        int part = i / SHARED;
        long seed = part < shared.length ? shared[part] : -1 - index;
        tokens[i] =
            2 + (int) Long.remainderUnsigned((seed * 31 + i) * 0x9E3779B97F4A7C15L >>> 17, 9);
      }
      return tokens;
    }
  }

  static List<Arrival> read(Path path) throws IOException {
    List<Arrival> all = new ArrayList<>();
    for (String line : Files.readAllLines(path)) {
      Arrival arrival = path.toString().endsWith(".csv") ? ofAzure(line) : ofMooncake(line);
      if (arrival != null) {
        all.add(arrival);
      }
    }
    long first = all.getFirst().nanos();
    return all.stream()
        .map(a -> new Arrival(a.nanos() - first, a.prompt(), a.output(), a.shared()))
        .filter(a -> a.nanos() < HOUR.toNanos() && a.prompt() + a.output() < LONGEST)
        .toList();
  }

  private static Arrival ofAzure(String line) {
    String[] fields = line.split(",", -1);
    if (fields.length != 3 || fields[0].startsWith("TIME")) {
      return null;
    }
    LocalDateTime at = LocalDateTime.parse(fields[0].strip().replace(' ', 'T'));
    long nanos =
        at.toLocalTime().toNanoOfDay() + at.toLocalDate().toEpochDay() * 86_400_000_000_000L;
    return new Arrival(
        nanos,
        Math.max(1, Integer.parseInt(fields[1].strip())),
        Math.max(1, Integer.parseInt(fields[2].strip())),
        new long[0]);
  }

  private static final Pattern NUMBER = Pattern.compile("\"(\\w+)\": *(\\d+)");
  private static final Pattern HASHES = Pattern.compile("\"hash_ids\": *\\[([^\\]]*)\\]");

  private static Arrival ofMooncake(String line) {
    long at = 0;
    int prompt = 1;
    int output = 1;
    Matcher number = NUMBER.matcher(line);
    while (number.find()) {
      long value = Long.parseLong(number.group(2));
      switch (number.group(1)) {
        case "timestamp" -> at = value * 1_000_000;
        case "input_length" -> prompt = Math.max(1, (int) value / SCALE);
        case "output_length" -> output = Math.max(1, (int) value);
        default -> {}
      }
    }
    Matcher hashes = HASHES.matcher(line);
    long[] shared =
        hashes.find()
            ? Arrays.stream(hashes.group(1).split(","))
                .mapToLong(h -> Long.parseLong(h.strip()))
                .toArray()
            : new long[0];
    return new Arrival(at, prompt, output, shared);
  }
}

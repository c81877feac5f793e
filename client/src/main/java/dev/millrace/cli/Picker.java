package dev.millrace.cli;

import com.google.protobuf.ByteString;
import dev.millrace.v1.CandidateToken;
import dev.millrace.v1.ConverseResponse.PickRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Lets a person choose an answer's tokens, one by one. */
final class Picker {
  private static final String HELP =
      "a number picks a candidate, Enter the first one; id N any token; back [N] takes tokens back;"
          + " dump shows what was picked; end ends the answer";

  /** A token, and how likely it was where it was picked. */
  private record Step(String piece, String probability) {}

  private final Streams streams;
  private final Palette palette;
  private final Lines lines;
  private final Conversation conversation;
  private final List<Step> path = new ArrayList<>();
  private final List<Integer> lengths = new ArrayList<>(); // of the text before each token

  Picker(Streams streams, Palette palette, Lines lines, Conversation conversation) {
    this.streams = streams;
    this.palette = palette;
    this.lines = lines;
    this.conversation = conversation;
  }

  /** Shows the candidates, and asks until there is an answer. */
  void ask(PickRequest request, StringBuilder text) throws IOException {
    show(request, text);
    lengths.subList(path.size(), lengths.size()).clear();
    lengths.add(text.length());
    String line = lines.next(palette.prompt("pick> "));
    while (!obeyed(request, text, line)) {
      if ("dump".equals(line)) {
        dump();
      } else {
        streams.err().println(palette.note(HELP));
      }
      line = lines.next(palette.prompt("pick> "));
    }
  }

  private void show(PickRequest request, StringBuilder text) {
    streams.err().println(palette.note("[" + request.getPosition() + "] ") + text);
    int number = 1;
    for (CandidateToken candidate : request.getCandidatesList()) {
      tell("  %2d", number++, percent(candidate.getLogprob()), quote(candidate.getPiece()));
    }
  }

  private void tell(String format, int number, String probability, String piece) {
    streams
        .err()
        .println(
            palette.choice(String.format(Locale.ROOT, format, number))
                + palette.probability("  %7s  ".formatted(probability))
                + piece);
  }

  private static String percent(float logprob) {
    return String.format(Locale.ROOT, "%.2f%%", 100 * Math.exp(logprob));
  }

  private static String quote(ByteString piece) {
    String text = piece.toStringUtf8();
    boolean shown =
        piece.isValidUtf8()
            && text.chars().allMatch(c -> c == '\n' || c == '\t' || !Character.isISOControl(c));
    if (!shown) {
      StringBuilder hex = new StringBuilder();
      for (byte b : piece) {
        hex.append(String.format(Locale.ROOT, "\\x%02x", b));
      }
      return hex.toString();
    }
    return '"' + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t") + '"';
  }

  /**
   * @param line null at the end of the input, which ends the answer
   * @return whether it was understood, and something was asked of the server
   */
  private boolean obeyed(PickRequest request, StringBuilder text, @Nullable String line) {
    String[] words = line == null ? new String[] {"end"} : line.strip().split("\\s+");
    try {
      switch (words[0]) {
        case "end", "/exit" -> conversation.interrupt();
        case "back" -> {
          return back(words.length > 1 ? Integer.parseInt(words[1]) : 1, text);
        }
        case "id" -> {
          if (words.length < 2) {
            return false;
          }
          pick(request, Integer.parseInt(words[1]), "id " + words[1], "-");
        }
        default -> {
          int number = words[0].isEmpty() ? 1 : Integer.parseInt(words[0]);
          if (number < 1 || number > request.getCandidatesCount()) {
            return false;
          }
          CandidateToken candidate = request.getCandidates(number - 1);
          pick(
              request,
              candidate.getId(),
              quote(candidate.getPiece()),
              percent(candidate.getLogprob()));
        }
      }
      return true;
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private void pick(PickRequest request, int id, String piece, String probability) {
    path.add(new Step(piece, probability));
    conversation.pick(request.getPosition(), id);
  }

  private boolean back(int count, StringBuilder text) {
    if (count < 1 || count > path.size()) {
      return false;
    }
    path.subList(path.size() - count, path.size()).clear();
    text.setLength(lengths.get(path.size()));
    conversation.rewind(count);
    return true;
  }

  private void dump() {
    for (int i = 0; i < path.size(); i++) {
      Step step = path.get(i);
      tell("%4d", i, step.probability(), step.piece());
    }
  }
}

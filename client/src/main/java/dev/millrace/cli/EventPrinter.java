package dev.millrace.cli;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.JsonFormat;
import dev.millrace.v1.CandidateFinished;
import dev.millrace.v1.CandidateToken;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.TextDelta;
import dev.millrace.v1.TokenInfo;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeMap;

/** A stream's events on standard output. */
abstract class EventPrinter {
  private final Streams streams;

  private EventPrinter(Streams streams) {
    this.streams = streams;
  }

  static EventPrinter of(Streams streams, TellOptions tell, int candidates) {
    if (tell.json) {
      return new Json(streams);
    }
    if (tell.tokens || tell.promptTokens) {
      return new Tokens(streams, tell.tokens, candidates > 1);
    }
    return candidates > 1 ? new Several(streams) : new Text(streams);
  }

  abstract void print(GenerateResponse event) throws IOException;

  /** The stream has ended, well or not: whole lines are left behind. */
  abstract void end() throws IOException;

  final void write(String text) throws IOException {
    streams.print(text);
  }

  /** One event a line. */
  private static final class Json extends EventPrinter {
    private static final JsonFormat.Printer JSON =
        JsonFormat.printer().omittingInsignificantWhitespace().preservingProtoFieldNames();

    Json(Streams streams) {
      super(streams);
    }

    @Override
    void print(GenerateResponse event) throws IOException {
      write(JSON.print(event) + "\n");
    }

    @Override
    void end() {}
  }

  /** The text as it comes. */
  private static final class Text extends EventPrinter {
    private boolean printed;

    Text(Streams streams) {
      super(streams);
    }

    @Override
    void print(GenerateResponse event) throws IOException {
      String text = event.getDelta().getText();
      if (!text.isEmpty()) {
        write(text);
        printed = true;
      }
    }

    @Override
    void end() throws IOException {
      if (printed) {
        write("\n");
      }
    }
  }

  /** Each candidate's text in one piece, as it ends. */
  private static final class Several extends EventPrinter {
    private final TreeMap<Integer, StringBuilder> texts = new TreeMap<>();
    private final Set<Integer> finished = new HashSet<>(); // a resumed stream may say so twice

    Several(Streams streams) {
      super(streams);
    }

    @Override
    void print(GenerateResponse event) throws IOException {
      if (event.hasDelta()) {
        TextDelta delta = event.getDelta();
        texts
            .computeIfAbsent(delta.getCandidate(), _ -> new StringBuilder())
            .append(delta.getText());
      } else if (event.hasFinished()) {
        CandidateFinished end = event.getFinished();
        StringBuilder text = texts.remove(end.getCandidate());
        if (finished.add(end.getCandidate())) {
          write(end.getCandidate(), reason(end), text == null ? "" : text.toString());
        }
      }
    }

    @Override
    void end() throws IOException {
      for (var entry : texts.entrySet()) {
        write(entry.getKey(), "not finished", entry.getValue().toString());
      }
    }

    private void write(int candidate, String reason, String text) throws IOException {
      write("[candidate %d: %s]%n%s%n".formatted(candidate, reason, text));
    }
  }

  /** A line for each token: id, bytes, and what was asked for besides. */
  private static final class Tokens extends EventPrinter {
    private final boolean generated;
    private final boolean several;

    Tokens(Streams streams, boolean generated, boolean several) {
      super(streams);
      this.generated = generated;
      this.several = several;
    }

    @Override
    void print(GenerateResponse event) throws IOException {
      print("prompt", event.getPrompt().getTokensList());
      if (generated) {
        int candidate = event.getDelta().getCandidate();
        print(several ? String.valueOf(candidate) : "", event.getDelta().getTokensList());
      }
      if (event.hasFinished() && several) {
        CandidateFinished finished = event.getFinished();
        write("[candidate %d: %s]%n".formatted(finished.getCandidate(), reason(finished)));
      }
    }

    @Override
    void end() {}

    private void print(String of, List<TokenInfo> tokens) throws IOException {
      for (TokenInfo token : tokens) {
        StringBuilder line = new StringBuilder(of.isEmpty() ? "" : of + "\t");
        line.append(Integer.toUnsignedLong(token.getId())).append('\t').append(quoted(token));
        if (token.hasLogprob()) {
          line.append("\t%s\t#%d".formatted(rounded(token.getLogprob()), token.getRank()));
        }
        for (CandidateToken candidate : token.getTopCandidatesList()) {
          line.append('\t').append(Integer.toUnsignedLong(candidate.getId()));
          line.append(' ').append(quoted(candidate.getPiece()));
          line.append(' ').append(rounded(candidate.getLogprob()));
        }
        write(line.append('\n').toString());
      }
    }

    private static String rounded(float logprob) {
      return String.format(Locale.ROOT, "%.4f", logprob);
    }

    private static String quoted(TokenInfo token) {
      return quoted(token.getPiece());
    }

    /** As text where it is whole characters that can be seen, else its bytes. */
    private static String quoted(ByteString piece) {
      String text = piece.toStringUtf8();
      StringBuilder quoted = new StringBuilder("\"");
      boolean shown =
          piece.isValidUtf8() && text.codePoints().noneMatch(c -> Character.isISOControl(c));
      if (shown) {
        quoted.append(text.replace("\\", "\\\\").replace("\"", "\\\""));
      } else {
        for (byte b : piece) {
          boolean plain = b >= ' ' && b <= '~' && b != '\\' && b != '"';
          quoted.append(plain ? String.valueOf((char) b) : "\\x%02x".formatted(b));
        }
      }
      return quoted.append('"').toString();
    }
  }

  private static String reason(CandidateFinished finished) {
    String prefix = "FINISH_REASON_";
    String name = finished.getReason().name();
    return name.startsWith(prefix) ? name.substring(prefix.length()) : name;
  }
}

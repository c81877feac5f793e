package dev.millrace.cli;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;

/** Where a person's lines come from. */
sealed interface Lines extends Closeable {
  /** The next line without its end; null at the end of the input. */
  @Nullable String next(String prompt) throws IOException;

  /** What Ctrl-C does from now on, until the next line is asked for. */
  default void onInterrupt(Runnable action) {
    Signals.register("INT", action);
  }

  /** From the terminal, or else from whatever standard input is. */
  static Lines open(Streams streams) throws IOException {
    boolean terminal =
        Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
    return terminal && streams.in().equals(System.in) ? OnTerminal.open() : new Piped(streams);
  }

  /** With editing, and the lines of earlier chats at the arrow keys. */
  record OnTerminal(Terminal terminal, LineReader reader) implements Lines {
    static OnTerminal open() throws IOException {
      Terminal terminal =
          TerminalBuilder.builder()
              .system(true)
              .dumb(true)
              .encoding(StandardCharsets.UTF_8)
              .build();
      Path home = Path.of(System.getProperty("user.home"), ".cache", "millrace");
      Files.createDirectories(home);
      DefaultParser plain = new DefaultParser();
      plain.setEscapeChars(new char[0]); // what is typed is what is said
      plain.setQuoteChars(new char[0]);
      LineReader reader =
          LineReaderBuilder.builder()
              .terminal(terminal)
              .parser(plain)
              .variable(LineReader.HISTORY_FILE, home.resolve("chat_history"))
              .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
              .build();
      return new OnTerminal(terminal, reader);
    }

    @Override
    public @Nullable String next(String prompt) {
      while (true) {
        try {
          return reader.readLine(prompt);
        } catch (UserInterruptException e) {
          terminal.writer().println("(/exit or Ctrl-D leaves)");
        } catch (EndOfFileException e) {
          return null;
        }
      }
    }

    @Override
    public void close() throws IOException {
      terminal.close();
    }
  }

  /** Without prompts: what reads our output wants the answers only. */
  final class Piped implements Lines {
    private final BufferedReader reader;

    Piped(Streams streams) {
      reader = new BufferedReader(new InputStreamReader(streams.in(), StandardCharsets.UTF_8));
    }

    @Override
    public @Nullable String next(String prompt) throws IOException {
      return reader.readLine();
    }

    @Override
    public void close() {
      // Standard input isn't ours.
    }
  }
}

package dev.millrace.cli;

import java.io.IOException;
import java.util.Map;
import org.jline.terminal.spi.SystemStream;
import org.jline.terminal.spi.TerminalProvider;
import picocli.CommandLine.Help.Ansi.IStyle;
import picocli.CommandLine.Help.Ansi.Style;

/** How what isn't an answer looks: in colours on a terminal, as plain text anywhere else. */
enum Palette {
  PLAIN,
  COLOURED;

  /** Of standard error, where all goes that is coloured. */
  static Palette ofStandardError() {
    return allowsColours(System.getenv()) && standardErrorIsTerminal() ? COLOURED : PLAIN;
  }

  /** Whether a user wants colours: see https://no-color.org, and terminals that have none. */
  static boolean allowsColours(Map<String, String> environment) {
    return environment.getOrDefault("NO_COLOR", "").isEmpty()
        && !environment.getOrDefault("TERM", "").equals("dumb");
  }

  /** Java knows of standard input and output only; JLine asks the C library. */
  private static boolean standardErrorIsTerminal() {
    try {
      return TerminalProvider.load("ffm").isSystemStream(SystemStream.Error);
    } catch (IOException e) {
      return false; // none for this machine: colours aren't worth a failure
    }
  }

  /** What invites to type. */
  String prompt(String text) {
    return paint(Style.fg_green, text);
  }

  /** What stands beside the answers: notes, counts. */
  String note(String text) {
    return paint(Style.faint, text);
  }

  /** By what a candidate is picked. */
  String choice(String text) {
    return paint(Style.bold, text);
  }

  String probability(String text) {
    return paint(Style.fg_cyan, text);
  }

  String error(String text) {
    return paint(Style.fg_red, text);
  }

  private String paint(IStyle style, String text) {
    return this == COLOURED ? style.on() + text + style.off() : text;
  }
}

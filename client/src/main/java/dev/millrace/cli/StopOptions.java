package dev.millrace.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** When the output ends. */
final class StopOptions {
  static final int MAX_TOKENS = 256;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "At most so many new tokens. Default: " + MAX_TOKENS + ".")
  int maxTokens = MAX_TOKENS;

  @Option(
      names = "--min-tokens",
      paramLabel = "N",
      description = "At least so many: until then nothing ends the output.")
  int minTokens;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "Ends the output where this text would come. Can be given several times.")
  List<String> texts = new ArrayList<>();

  @Option(
      names = "--stop-id",
      paramLabel = "ID",
      description = "Ends the output at this token. Can be given several times.")
  List<Integer> tokenIds = new ArrayList<>();

  @Option(names = "--include-stop", description = "Prints the stop's own text too.")
  boolean include;

  @Option(names = "--ignore-eos", description = "Goes on past the end of the text.")
  boolean ignoreEos;

  @Option(
      names = "--time-limit",
      paramLabel = "SECONDS",
      description = "Ends the output, with what there is, after so long.")
  @Nullable Double timeLimit;
}

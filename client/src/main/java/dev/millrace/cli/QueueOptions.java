package dev.millrace.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How the server treats the request among others. */
final class QueueOptions {
  /** The API's, without its prefix. */
  enum Level {
    BATCH,
    NORMAL,
    INTERACTIVE
  }

  @Option(
      names = "--candidates",
      paramLabel = "N",
      description = "So many independent continuations, at most 16. Default: 1.")
  int candidates = 1;

  @Option(
      names = "--adapter",
      paramLabel = "NAME",
      description = "A LoRA adapter that the server has loaded beside the model.")
  String adapter = "";

  @Option(
      names = "--priority",
      paramLabel = "LEVEL",
      description = "batch, normal or interactive. Default: normal.")
  @Nullable Level priority;

  @Option(
      names = "--cache-salt",
      paramLabel = "TEXT",
      description = "Shares the prompt's cached beginning with requests of this salt only.")
  String cacheSalt = "";

  @Option(
      names = "--request-id",
      paramLabel = "ID",
      description = "Comes back in events, logs and traces.")
  String requestId = "";

  @Option(
      names = "--max-queue-time",
      paramLabel = "SECONDS",
      description = "Fails if it hasn't been started by then.")
  @Nullable Double maxQueueTime;
}

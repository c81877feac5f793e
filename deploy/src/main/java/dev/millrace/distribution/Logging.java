package dev.millrace.distribution;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/** Where logs go, and from which level; logback.xml says how they look. */
final class Logging {
  private Logging() {}

  /** Sends gRPC's logs, which are java.util.logging's, the way of all others. */
  static void install() {
    SLF4JBridgeHandler.removeHandlersForRootLogger();
    SLF4JBridgeHandler.install();
  }

  /**
   * For a server inside a command: unless told otherwise, it speaks up only when it has trouble.
   */
  static void installForCommand() {
    install();
    if (System.getenv("MILLRACE_LOG") == null
        && LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME) instanceof Logger root) {
      root.setLevel(Level.WARN);
    }
  }
}

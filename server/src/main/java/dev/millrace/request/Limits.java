package dev.millrace.request;

import java.time.Duration;

/**
 * How much one request may ask for, where the contract leaves it to the server. Each bounds memory
 * or time that a caller could otherwise take at will.
 */
public final class Limits {
  /** The contract's own. */
  public static final int MAX_CANDIDATES = 16;

  /** The contract's own. */
  public static final int MAX_TOP_CANDIDATES = 20;

  /** In one PromptProcessed; the contract's own. */
  public static final int TOKENS_PER_PROMPT_EVENT = 1_024;

  /** Of a request id: it is copied to every log line and trace. */
  public static final int MAX_REQUEST_ID_CHARACTERS = 128;

  /** Of a cache salt: it is hashed with every block. */
  public static final int MAX_CACHE_SALT_BYTES = 256;

  /** Each is looked for in every piece of output. */
  public static final int MAX_STOP_SEQUENCES = 64;

  /**
   * Of one stop text: as much output may be held back while it may still match, and each byte takes
   * some 22 of memory while the request lives.
   */
  public static final int MAX_STOP_SEQUENCE_BYTES = 256;

  public static final int MAX_STOP_TOKEN_IDS = 256;

  /** Each is added to every row of logits. */
  public static final int MAX_LOGIT_BIAS_ENTRIES = 1_024;

  /** So much output waits in the server for the rest of its event. */
  public static final int MAX_TOKENS_PER_EVENT = 1_024;

  /** Above this, the distribution is flat to float32's precision. */
  public static final float MAX_TEMPERATURE = 100f;

  /** Of time_limit and max_queue_time: longer is a mistake, and sums must not overflow. */
  public static final Duration MAX_TIME = Duration.ofHours(24);

  /** Of Resume.token: ours are some 150 bytes and a request id. */
  public static final int MAX_RESUME_TOKEN_BYTES = 1_024;

  /** Of a conversation: each is several values in the template's hands. */
  public static final int MAX_MESSAGES = 4_096;

  /**
   * Of a conversation's messages, as its turns add them: as much as one call's message may bring,
   * so that they can open it again.
   */
  public static final int MAX_MESSAGES_BYTES = 4 << 20;

  /** Of a message: each is joined to one text. */
  public static final int MAX_CONTENT_PARTS = 1_024;

  public static final int MAX_TOOLS = 256;

  /** Of a message. */
  public static final int MAX_TOOL_CALLS = 256;

  /** Of a role, and of a message's name and tool_call_id. */
  public static final int MAX_NAME_CHARACTERS = 256;

  /**
   * Of one tool, one call, or the template's arguments: as values they take some ten times that.
   */
  public static final int MAX_JSON_BYTES = 1 << 18;

  /**
   * Of a response format: compiling it takes time, bounded besides by the compiler's own budget.
   */
  public static final int MAX_FORMAT_BYTES = 1 << 18;

  private Limits() {}
}

package dev.millrace.gguf;

/** Names of the tensor types that GGUF files can hold, for messages about those we can't read. */
final class GgmlTypes {
  /** By number; "-" where a type was withdrawn. */
  private static final String[] NAMES =
      ("F32 F16 Q4_0 Q4_1 - - Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS"
              + " IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 - - -"
              + " TQ1_0 TQ2_0 - - - MXFP4")
          .split(" ");

  private GgmlTypes() {}

  static String name(int id) {
    return id >= 0 && id < NAMES.length && !NAMES[id].equals("-")
        ? NAMES[id]
        : "number " + Integer.toUnsignedString(id);
  }
}

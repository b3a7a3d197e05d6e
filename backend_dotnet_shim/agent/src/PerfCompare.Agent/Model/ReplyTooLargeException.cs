namespace PerfCompare.Agent.Model;

/// <summary>The server's reply is larger than any chat reply may be.</summary>
internal sealed class ReplyTooLargeException() : IOException("the reply is larger than 16 MiB");

using System.Globalization;

namespace PerfCompare.Agent;

/// <summary>
/// The command line. <c>--chat-client-delay-ms N</c> is off the public protocol: it makes every
/// model call N ms slower inside the framework's share, for self-tests.
/// </summary>
internal sealed record AgentOptions(TimeSpan ChatClientDelay)
{
    private const string DelayOption = "--chat-client-delay-ms";
    private const double MaxDelayMs = 60_000;

    /// <exception cref="FormatException">An unknown option or a value that cannot be used.</exception>
    public static AgentOptions Parse(string[] arguments) => arguments switch
    {
        [] => new(TimeSpan.Zero),
        [DelayOption, var text] when double.TryParse(
            text,
            NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out var delay) && delay <= MaxDelayMs => new(TimeSpan.FromMilliseconds(delay)),
        _ => throw new FormatException($"usage: PerfCompare.Agent [{DelayOption} N]"),
    };
}

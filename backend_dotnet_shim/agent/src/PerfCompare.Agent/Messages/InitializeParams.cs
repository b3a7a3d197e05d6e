namespace PerfCompare.Agent.Messages;

/// <summary><paramref name="ConnectTo"/> is the address that the backend resolved and checked.</summary>
internal sealed record InitializeParams(
    TestConfiguration Configuration,
    int ProtocolVersion = InitializeParams.CurrentVersion,
    string? ConnectTo = null) : IValidated
{
    public const int CurrentVersion = 1;

    public string? FindProblem() =>
        ProtocolVersion != CurrentVersion
            ? $"protocolVersion is not {CurrentVersion}"
            : Configuration.FindProblem();
}
